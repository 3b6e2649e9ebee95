// Help texts: CLI11's, with a usage line of our own and room for descriptions.
#pragma once

#include <string>
#include <utility>

#include <CLI/CLI.hpp>

namespace perilune::cli {

class Help final : public CLI::Formatter {
 public:
  /// `usage` has a line for each way to call the command.
  explicit Help(std::string usage) : usage_(std::move(usage)) {
    column_width(34);
    label("Positionals", "Arguments");
  }
  std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override { return usage_ + "\n"; }
  /// "--name WHAT" without the remarks on defaults and requirements that CLI11 adds: the descriptions have them in
  /// words.
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0 || option->get_positional()) return {};
    return " " + option->get_type_name();
  }

 private:
  std::string usage_;
};

}  // namespace perilune::cli
