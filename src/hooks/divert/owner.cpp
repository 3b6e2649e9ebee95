#include "hooks/divert/owner.h"

#include <array>
#include <charconv>
#include <csignal>
#include <span>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

namespace perilune::hooks::divert {

namespace {

/// Nothing when there is no such process, as far as /proc shows.
Result<std::optional<uint64_t>> start_time_of(pid_t pid) {
  const std::string path = fmt::format("/proc/{}/stat", pid);
  const auto text = read_file(path);
  if (!text) return tl::make_unexpected(text.error());
  if (!*text || (*text)->empty()) return std::optional<uint64_t>();
  const auto time = start_time_of_stat(**text);
  if (!time) return system_error(fmt::format("cannot read {}: it has no start time", path));
  return time;
}

Result<uint64_t> own_pid_namespace() {
  struct stat info {};
  if (stat("/proc/self/ns/pid", &info) != 0) return errno_error("look at /proc/self/ns/pid", errno);
  return uint64_t{info.st_ino};
}

}  // namespace

uint64_t identity_of(const DivertSpec& spec) {
  const auto ports = [](const std::optional<DivertSpec::Ports>& range) {
    return range ? fmt::format("{}-{}", range->first, range->last) : std::string();
  };
  const std::array<std::string, 8> words{spec.filter,
                                         std::string(packet::to_string(spec.direction)),
                                         spec.protocol,
                                         ports(spec.source_ports),
                                         ports(spec.destination_ports),
                                         spec.interface,
                                         spec.ipv4 ? "4" : "",
                                         spec.ipv6 ? "6" : ""};
  // FNV-1a, 64 bits; each word ends with a zero byte.
  uint64_t hash = 0xcbf29ce484222325;
  for (const std::string& word : words) {
    for (const char c : std::span(word.c_str(), word.size() + 1))
      hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  }
  return hash == 0 ? 1 : hash;
}

Result<Owner> this_process(uint64_t filter) {
  const auto started = start_time_of(getpid());
  if (!started) return tl::make_unexpected(started.error());
  if (!*started) return system_error("cannot read the time this process started: /proc does not show it");
  const auto space = own_pid_namespace();
  if (!space) return tl::make_unexpected(space.error());
  return Owner{getpid(), **started, *space, filter};
}

Result<bool> may_be_running(const Owner& owner) {
  const auto space = own_pid_namespace();
  if (!space) return tl::make_unexpected(space.error());
  if (owner.pid_namespace != *space) return true;
  const auto started = start_time_of(owner.pid);
  if (!started) return tl::make_unexpected(started.error());
  if (*started) return **started == owner.start_time;
  // /proc may hide the processes of others (hidepid).
  return kill(owner.pid, 0) == 0 || errno != ESRCH;
}

bool is_same_filter(const Owner& one, const Owner& other) {
  return one.filter != 0 && one.filter == other.filter;
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
  return fmt::format("{}{}{}{}{}{}{:016x}", owner.pid, separator, owner.start_time, separator, owner.pid_namespace,
                     separator, owner.filter);
}

std::optional<Owner> parse_owner(std::string_view text, char separator) {
  constexpr size_t kFilter = 3;
  constexpr size_t kFilterDigits = 16;
  std::array<uint64_t, 4> values{};
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string_view word = text.substr(0, text.find(separator));
    const auto [end, error] =
        std::from_chars(word.data(), word.data() + word.size(), values[i], i == kFilter ? 16 : 10);
    if (i == kFilter && word.size() != kFilterDigits) return std::nullopt;
    if (word.empty() || error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    if (word.size() == text.size()) {
      if (i + 1 < kFilter) return std::nullopt;
      break;
    }
    if (i == kFilter) return std::nullopt;
    text.remove_prefix(word.size() + 1);
  }
  if (values[0] == 0 || values[0] > INT32_MAX) return std::nullopt;
  return Owner{static_cast<pid_t>(values[0]), values[1], values[2], values[3]};
}

}  // namespace perilune::hooks::divert
