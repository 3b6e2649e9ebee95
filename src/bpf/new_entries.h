// What a reload adds to maps that stay: the entries of the new script's main chunk whose keys are new.
//
// They are added before the new program runs. A reload that fails afterwards removes them again. A reload that is
// killed cannot, so it pins a list of their keys beside the new attachments before it adds them: the next command that
// changes the filter finds the list and removes the entries.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "bpf/program.h"

namespace perilune::bpf {

/// Undone when it ends, unless kept.
class NewEntries {
 public:
  NewEntries() = default;
  NewEntries(const NewEntries&) = delete;
  NewEntries& operator=(const NewEntries&) = delete;
  ~NewEntries();

  /// Adds what the image has for maps that the program took over; the list of keys is pinned in `folder`.
  [[nodiscard]] Result<void> add(const LoadedProgram& program, const ir::Image& image, const std::string& folder);
  void keep() { added_.clear(); }

  /// Takes out of the maps of the filter in `folder` what the list in `unfinished` names; none there is fine.
  [[nodiscard]] static Result<void> undo(const std::string& folder, const std::string& unfinished);
  /// The list is of no use any more.
  [[nodiscard]] static Result<void> forget(const std::string& folder);

 private:
  std::vector<std::pair<const Map*, std::vector<uint8_t>>> added_;
};

}  // namespace perilune::bpf
