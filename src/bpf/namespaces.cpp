#include "bpf/namespaces.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include "bpf/capabilities.h"

namespace perilune::bpf {
namespace {

constexpr const char* kHere = "/proc/thread-self/ns/net";
constexpr const char* kNames = "/run/netns";

uint64_t inode_of(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

NamespaceScope::~NamespaceScope() {
  // Nothing sensible could go on in the wrong namespace.
  if (back_ && setns(back_.get(), CLONE_NEWNET) != 0) std::abort();
}

Result<NamespaceScope> NamespaceScope::enter_path(const std::string& path, const std::string& name) {
  FileDescriptor target(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!target) {
    const int code = errno;
    if (code == EACCES || code == EPERM) return errno_error(fmt::format("open network namespace '{}'", name), code);
    const std::vector<std::string> names = namespace_names();
    return input_error(fmt::format("there is no network namespace '{}': {}", name, strerror(code)),
                       names.empty()
                           ? "no namespace has a name here ('ip netns add NAME' makes one); a process id or a "
                             "path such as /proc/PID/ns/net works too"
                           : fmt::format("there are: {}", fmt::join(names, ", ")));
  }
  FileDescriptor back(open(kHere, O_RDONLY | O_CLOEXEC));
  if (!back) return errno_error("open the present network namespace", errno);
  const uint64_t inode = inode_of(path);
  if (inode != 0 && inode == current_namespace()) return NamespaceScope(FileDescriptor(), inode);
  if (setns(target.get(), CLONE_NEWNET) != 0) {
    const int code = errno;
    if (code == EINVAL) return input_error(fmt::format("'{}' is not a network namespace", path));
    return errno_error(fmt::format("enter network namespace '{}'", name), code,
                       code == EPERM ? capability_hint({CAP_SYS_ADMIN}) : "");
  }
  return NamespaceScope(std::move(back), inode);
}

Result<NamespaceScope> NamespaceScope::enter(const std::string& name) {
  if (name.empty()) return NamespaceScope(FileDescriptor(), current_namespace());
  if (name.find('/') != std::string::npos) return enter_path(name, name);
  const std::string named = fmt::format("{}/{}", kNames, name);
  if (is_number(name) && inode_of(named) == 0) return enter_path(fmt::format("/proc/{}/ns/net", name), name);
  return enter_path(named, name);
}

std::optional<NamespaceScope> NamespaceScope::enter(uint64_t inode) {
  const auto try_path = [inode](const std::string& path) -> std::optional<NamespaceScope> {
    if (inode_of(path) != inode) return std::nullopt;
    Result<NamespaceScope> scope = enter_path(path, path);
    if (!scope) return std::nullopt;
    return std::move(*scope);
  };
  if (inode == 0) return std::nullopt;
  if (auto scope = try_path(kHere)) return scope;
  for (const std::string& name : namespace_names()) {
    if (auto scope = try_path(fmt::format("{}/{}", kNames, name))) return scope;
  }
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string process = entry.path().filename();
    if (!is_number(process)) continue;
    if (auto scope = try_path(fmt::format("/proc/{}/ns/net", process))) return scope;
  }
  return std::nullopt;
}

uint64_t current_namespace() {
  return inode_of(kHere);
}

std::vector<std::string> namespace_names() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kNames, ignored))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<std::string> namespace_name(uint64_t inode) {
  if (inode == current_namespace()) return "";
  for (const std::string& name : namespace_names()) {
    if (inode_of(fmt::format("{}/{}", kNames, name)) == inode) return name;
  }
  return std::nullopt;
}

}  // namespace perilune::bpf
