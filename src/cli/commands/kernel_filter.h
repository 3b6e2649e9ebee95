// What the commands about filters in the kernel share: options about judging, and the way from a script to what is
// loaded.
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/result.h"
#include "bpf/installation.h"
#include "cli/options.h"

namespace CLI {
class App;
}

namespace perilune::cli {

/// The words of the command line; empty: not given.
struct JudgingWords {
  std::string function;
  PolicyWords policy;
  std::string instructions;
  std::string memory;
};

/// Adds --function, --default, --on-error, --malformed, --non-ip, --instructions and --memory. `keeps`: what is not
/// given stays as it is (reload).
void declare_judging(CLI::App& app, JudgingWords& words, bool keeps);
/// What is given replaces what `options` has.
[[nodiscard]] Result<bpf::FilterOptions> understand_judging(const JudgingWords& words, bpf::FilterOptions options);

/// Loads the script and compiles it for every point. On failure everything was said; the value is the exit status.
[[nodiscard]] tl::expected<bpf::Installation, int> compile_for_kernel(const std::string& name,
                                                                      const std::string& script,
                                                                      const bpf::FilterOptions& options,
                                                                      const std::vector<bpf::AttachPoint>& points);

/// Says why the kernel did not take it. A verifier's log goes to a file beside the temporary ones; the hint names it.
int refuse_installation(const Error& error, const std::string& name, const std::string& verifier_log);

}  // namespace perilune::cli
