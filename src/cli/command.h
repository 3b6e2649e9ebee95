// What a subcommand is to the program. Each has a file of its own that declares its options and runs it.
//
// Exit statuses, the same everywhere: 0 done; 1 the user's input is at fault (a bad script, a broken capture, a wrong
// option, a failed test); 2 it cannot run here (a missing permission or kernel feature, a full disk); 128 + signal when
// a run over captures was interrupted, so that a partial result is not taken for a whole one.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace perilune::cli {

inline constexpr int kDone = 0;
inline constexpr int kInputAtFault = 1;
inline constexpr int kCannotRun = 2;

struct Command {
  CLI::App* app = nullptr;
  std::function<int()> run;  // called when the command line named it; returns the exit status
};

[[nodiscard]] Command add_run(CLI::App& program);
[[nodiscard]] Command add_check(CLI::App& program);
[[nodiscard]] Command add_test(CLI::App& program);
[[nodiscard]] Command add_explain(CLI::App& program);
[[nodiscard]] Command add_compile(CLI::App& program);
[[nodiscard]] Command add_load(CLI::App& program);
[[nodiscard]] Command add_reload(CLI::App& program);
[[nodiscard]] Command add_unload(CLI::App& program);
[[nodiscard]] Command add_list(CLI::App& program);
[[nodiscard]] Command add_show(CLI::App& program);
[[nodiscard]] Command add_stats(CLI::App& program);
[[nodiscard]] Command add_events(CLI::App& program);
[[nodiscard]] Command add_features(CLI::App& program);

/// The whole program: parses the command line, runs the command, returns the exit status.
[[nodiscard]] int run_program(int argc, const char* const* argv);

}  // namespace perilune::cli
