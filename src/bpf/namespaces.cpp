#include "bpf/namespaces.h"

#include <algorithm>
#include <climits>
#include <set>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "base/capabilities.h"
#include "base/files.h"

namespace perilune::bpf {
namespace {

constexpr const char* kHere = "/proc/thread-self/ns/net";
constexpr const char* kNames = "/run/netns";

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Of the namespace behind a path; nothing: there is none, or another user's process has it.
Result<std::optional<uint64_t>> inode_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) return std::optional<uint64_t>(status.st_ino);
  switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
    case EACCES:
    case EPERM:
      return std::optional<uint64_t>();
    default:
      return errno_error(fmt::format("look at {}", path), errno);
  }
}

std::string process_path(const std::string& process) {
  return fmt::format("/proc/{}/ns/net", process);
}

/// Where a name leads; see NamespaceScope::enter.
Result<std::string> path_of(const std::string& name) {
  if (name.empty()) return std::string(kHere);
  if (name.find('/') != std::string::npos) return name;
  if (name.size() > NAME_MAX) {
    return input_error(fmt::format("'{}' is too long for the name of a network namespace", name),
                       "'ip netns' lists them");
  }
  std::string path = fmt::format("{}/{}", kNames, name);
  const Result<bool> named = exists(path);
  if (!named) return tl::make_unexpected(named.error());
  return !*named && is_number(name) ? process_path(name) : path;
}

}  // namespace

NamespaceScope::~NamespaceScope() {
  // Nothing sensible could go on in the wrong namespace; what is short of memory for a moment gets another try.
  constexpr int kTries = 100;
  constexpr useconds_t kPause = 10'000;
  for (int tries = 1; back_ && setns(back_.get(), CLONE_NEWNET) != 0; ++tries) {
    if (tries == kTries) std::abort();
    usleep(kPause);
  }
}

Result<NamespaceScope> NamespaceScope::enter_opened(const FileDescriptor& target, const std::string& name, int& code) {
  code = 0;
  struct stat status {};
  if (fstat(target.get(), &status) != 0) return errno_error(fmt::format("look at network namespace '{}'", name), errno);
  const Result<uint64_t> here = current_namespace();
  if (!here) return tl::make_unexpected(here.error());
  if (status.st_ino == *here) return NamespaceScope(FileDescriptor(), status.st_ino);
  FileDescriptor back(open(kHere, O_RDONLY | O_CLOEXEC));
  if (!back) return errno_error("open the present network namespace", errno);
  if (setns(target.get(), CLONE_NEWNET) != 0) {
    code = errno;
    if (code == EINVAL) return input_error(fmt::format("'{}' is not a network namespace", name));
    return errno_error(fmt::format("enter network namespace '{}'", name), code,
                       code == EPERM ? capability_hint({CAP_SYS_ADMIN}) : "");
  }
  return NamespaceScope(std::move(back), status.st_ino);
}

Result<NamespaceScope> NamespaceScope::enter(const std::string& name) {
  if (name.empty()) {
    const Result<uint64_t> here = current_namespace();
    if (!here) return tl::make_unexpected(here.error());
    return NamespaceScope(FileDescriptor(), *here);
  }
  const Result<std::string> path = path_of(name);
  if (!path) return tl::make_unexpected(path.error());
  const FileDescriptor target(open(path->c_str(), O_RDONLY | O_CLOEXEC));
  if (!target) {
    const int code = errno;
    if (code == EACCES || code == EPERM) {
      return errno_error(fmt::format("open network namespace '{}'", name), code,
                         "processes of others may only be looked at by root with CAP_SYS_PTRACE: run it with sudo, or "
                         "give the namespace a name ('ip netns attach NAME PID') and use that");
    }
    if (code == ENAMETOOLONG) {
      return input_error(fmt::format("'{}' is too long for a path", name), "/proc/PID/ns/net is that of a process");
    }
    if (code != ENOENT && code != ENOTDIR && code != ESRCH) {
      return errno_error(fmt::format("open network namespace '{}'", name), code);
    }
    const Result<std::vector<std::string>> names = namespace_names();
    if (!names) return tl::make_unexpected(names.error());
    return input_error(fmt::format("there is no network namespace '{}': {}", name, strerror(code)),
                       names->empty()
                           ? "no namespace has a name here ('ip netns add NAME' makes one); a process id or a "
                             "path such as /proc/PID/ns/net works too"
                           : fmt::format("there are: {}", fmt::join(*names, ", ")));
  }
  int ignored = 0;
  return enter_opened(target, name, ignored);
}

Result<std::optional<NamespaceScope>> NamespaceScope::try_path(const std::string& path) {
  const FileDescriptor target(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto is_not_for_us = [](int code) {
    return code == ENOENT || code == ENOTDIR || code == ESRCH || code == EACCES || code == EPERM || code == EINVAL;
  };
  if (!target) {
    if (is_not_for_us(errno)) return std::optional<NamespaceScope>();
    return errno_error(fmt::format("open network namespace '{}'", path), errno);
  }
  int code = 0;
  Result<NamespaceScope> scope = enter_opened(target, path, code);
  if (scope) return std::optional<NamespaceScope>(std::move(*scope));
  if (is_not_for_us(code)) return std::optional<NamespaceScope>();
  return tl::make_unexpected(scope.error());
}

Result<uint64_t> current_namespace() {
  struct stat status {};
  if (stat(kHere, &status) == 0) return status.st_ino;
  return errno_error("look at the present network namespace", errno,
                     errno == ENOENT ? "/proc must be mounted: mount -t proc proc /proc" : "");
}

Result<std::vector<std::string>> namespace_names() {
  return names_in(kNames);
}

Result<std::optional<std::string>> namespace_name(uint64_t inode) {
  const Result<uint64_t> here = current_namespace();
  if (!here) return tl::make_unexpected(here.error());
  if (inode == *here) return std::optional<std::string>("");
  const Result<std::vector<std::string>> names = namespace_names();
  if (!names) return tl::make_unexpected(names.error());
  for (const std::string& name : *names) {
    const Result<std::optional<uint64_t>> one = inode_of(fmt::format("{}/{}", kNames, name));
    if (!one) return tl::make_unexpected(one.error());
    if (*one == inode) return std::optional<std::string>(name);
  }
  return std::optional<std::string>();
}

Result<std::optional<uint64_t>> namespace_number(const std::string& name) {
  const Result<std::string> path = path_of(name);
  if (!path) return tl::make_unexpected(path.error());
  return inode_of(*path);
}

Result<bool> is_visible(uint64_t inode) {
  const Result<std::optional<std::string>> named = namespace_name(inode);
  if (!named) return tl::make_unexpected(named.error());
  if (*named) return true;
  const Result<std::vector<std::string>> all = names_in("/proc");
  if (!all) return tl::make_unexpected(all.error());
  for (const std::string& process : *all) {
    if (!is_number(process)) continue;
    const Result<std::optional<uint64_t>> one = inode_of(process_path(process));
    if (!one) return tl::make_unexpected(one.error());
    if (*one == inode) return true;
  }
  return false;
}

Result<bool> visit_namespaces(uint64_t first, const std::function<Result<bool>(uint64_t inode)>& visit) {
  std::set<uint64_t> seen;
  const auto enter_path = [&](const std::string& path, uint64_t only) -> Result<bool> {
    const Result<std::optional<uint64_t>> inode = inode_of(path);
    if (!inode) return tl::make_unexpected(inode.error());
    if (!*inode || (only != 0 && **inode != only) || seen.contains(**inode)) return false;
    const Result<std::optional<NamespaceScope>> scope = NamespaceScope::try_path(path);
    if (!scope) return tl::make_unexpected(scope.error());
    if (!*scope) return false;
    seen.insert((*scope)->inode());
    return visit((*scope)->inode());
  };
  const Result<std::vector<std::string>> names = namespace_names();
  if (!names) return tl::make_unexpected(names.error());
  // Processes are looked at last, and for the wanted one only when it is nowhere else: there can be very many.
  std::vector<std::string> processes;
  const auto visit_all = [&](uint64_t only) -> Result<bool> {
    std::vector<std::string> paths{kHere};
    for (const std::string& name : *names)
      paths.push_back(fmt::format("{}/{}", kNames, name));
    for (const std::string& process : processes)
      paths.push_back(process_path(process));
    for (const std::string& path : paths) {
      Result<bool> done = enter_path(path, only);
      if (!done || *done) return done;
    }
    return false;
  };
  for (const uint64_t only : {first, uint64_t{0}}) {
    Result<bool> done = visit_all(only);
    if (!done || *done) return done;
  }
  const Result<std::vector<std::string>> all = names_in("/proc");
  if (!all) return tl::make_unexpected(all.error());
  std::copy_if(all->begin(), all->end(), std::back_inserter(processes), is_number);
  return visit_all(0);
}

}  // namespace perilune::bpf
