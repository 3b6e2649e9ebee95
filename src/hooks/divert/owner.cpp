#include "hooks/divert/owner.h"

#include <array>
#include <charconv>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace perilune::hooks::divert {

namespace {

std::optional<uint64_t> start_time_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return start_time_of_stat(text);
}

uint64_t own_pid_namespace() {
  struct stat info {};
  return stat("/proc/self/ns/pid", &info) == 0 ? uint64_t{info.st_ino} : 0;
}

}  // namespace

Owner this_process() {
  return {getpid(), start_time_of(getpid()).value_or(0), own_pid_namespace()};
}

bool may_be_running(const Owner& owner) {
  if (owner.pid_namespace != own_pid_namespace()) return true;
  const auto start = start_time_of(owner.pid);
  return start && *start == owner.start_time;
}

std::optional<uint64_t> start_time_of_stat(std::string_view stat) {
  // "PID (NAME) STATE ...": the name may hold spaces and parentheses, so fields are counted from the last ')'.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::string_view rest = stat.substr(name_end + 1);
  constexpr int kStartTimeAfterName = 20;
  for (int field = 1; !rest.empty(); ++field) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    const std::string_view word = rest.substr(0, rest.find_first_of(" \n"));
    if (field == kStartTimeAfterName) {
      uint64_t value = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      if (error != std::errc() || end != word.data() + word.size() || word.empty()) return std::nullopt;
      return value;
    }
    rest.remove_prefix(word.size());
    if (word.empty()) break;
  }
  return std::nullopt;
}

std::string to_text(const Owner& owner, char separator) {
  return fmt::format("{}{}{}{}{}", owner.pid, separator, owner.start_time, separator, owner.pid_namespace);
}

std::optional<Owner> parse_owner(std::string_view text, char separator) {
  std::array<uint64_t, 3> values{};
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string_view word = text.substr(0, text.find(separator));
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), values[i]);
    if (word.empty() || error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    const bool last = i + 1 == values.size();
    if (last != (word.size() == text.size())) return std::nullopt;
    if (!last) text.remove_prefix(word.size() + 1);
  }
  if (values[0] == 0 || values[0] > INT32_MAX) return std::nullopt;
  return Owner{static_cast<pid_t>(values[0]), values[1], values[2]};
}

}  // namespace perilune::hooks::divert
