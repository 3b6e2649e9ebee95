#include "bpf/preemption.h"

#include <array>
#include <string>

#include <sys/utsname.h>

#include "base/files.h"

namespace perilune::bpf {
namespace {

// "lazy" preempts kernel code at the tick; "none" and "voluntary" only where the kernel offers it.
constexpr std::array<std::string_view, 2> kPreempting = {"full", "lazy"};

bool is_preempting(std::string_view mode) {
  return mode == kPreempting[0] || mode == kPreempting[1];
}

/// The text between the last `begin` and the next of `ends`; empty when there is none.
std::string_view between(std::string_view text, std::string_view begin, std::string_view ends) {
  const size_t at = text.rfind(begin);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + begin.size());
  return text.substr(0, text.find_first_of(ends));
}

bool has_line(std::string_view text, std::string_view line) {
  for (size_t at = text.find(line); at != std::string_view::npos; at = text.find(line, at + 1)) {
    const size_t end = at + line.size();
    if ((at == 0 || text[at - 1] == '\n') && (end == text.size() || text[end] == '\n')) return true;
  }
  return false;
}

}  // namespace

bool preempts_kernel_code(const PreemptionSigns& signs) {
  if (const std::string_view mode = between(signs.debugfs, "(", ")"); !mode.empty()) return is_preempting(mode);
  if (has_line(signs.build, "CONFIG_PREEMPT_RT=y")) return true;
  if (const std::string_view mode = between(signs.command_line, " preempt=", " \n"); !mode.empty())
    return is_preempting(mode);
  return !has_line(signs.build, "CONFIG_PREEMPT_NONE=y") && !has_line(signs.build, "CONFIG_PREEMPT_VOLUNTARY=y");
}

bool preempts_kernel_code() {
  utsname kernel{};
  uname(&kernel);
  const auto debugfs = read_file("/sys/kernel/debug/sched/preempt");
  const auto command_line = read_file("/proc/cmdline");
  const auto build = read_file(std::string("/boot/config-") + static_cast<const char*>(kernel.release));
  // A file that is there and cannot be read may be the one that says so; more slots than are needed do no harm.
  if (!debugfs || !command_line || !build) return true;
  return preempts_kernel_code({debugfs->value_or(""), " " + command_line->value_or(""), build->value_or("")});
}

}  // namespace perilune::bpf
