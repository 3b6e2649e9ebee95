#include "bpf/pins.h"

#include <algorithm>

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#include "base/capabilities.h"

namespace perilune::bpf {
namespace {

constexpr mode_t kFolderMode = 0700;

Result<void> remove_here(const std::string& path, unsigned depth) {
  constexpr unsigned kDeepest = 8;
  const Result<std::optional<struct stat>> status = file_status(path, false);
  if (!status) return tl::make_unexpected(status.error());
  if (!*status) return {};
  const bool folder = S_ISDIR((*status)->st_mode);
  if (folder && depth < kDeepest) {
    const Result<std::vector<std::string>> names = names_in(path);
    if (!names) return tl::make_unexpected(names.error());
    for (const std::string& name : *names) {
      if (const Result<void> done = remove_here(path + "/" + name, depth + 1); !done) return done;
    }
  }
  if ((folder ? rmdir(path.c_str()) : unlink(path.c_str())) != 0 && errno != ENOENT) {
    return errno_error(fmt::format("remove {}", path), errno);
  }
  return {};
}

}  // namespace

Result<void> check_filter_name(std::string_view name) {
  constexpr size_t kLongest = 60;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (name.empty() || name.size() > kLongest || name.front() == '-' ||
      !std::all_of(name.begin(), name.end(), allowed)) {
    return input_error(fmt::format("'{}' cannot be the name of a filter", name),
                       "names have letters, digits, '_' and '-', at most 60 of them: perilune load ssh ssh.lua --at "
                       "xdp:eth0");
  }
  return {};
}

Result<void> make_folder(const std::string& path) {
  if (mkdir(path.c_str(), kFolderMode) != 0) return errno_error(fmt::format("make {}", path), errno);
  return {};
}

Result<void> pin(int fd, const std::string& path) {
  if (bpf_obj_pin(fd, path.c_str()) != 0) return errno_error(fmt::format("pin {}", path), errno);
  return {};
}

Result<std::optional<FileDescriptor>> find_pin(const std::string& path) {
  const int fd = bpf_obj_get(path.c_str());
  if (fd >= 0) return std::optional<FileDescriptor>(FileDescriptor(fd));
  if (errno == ENOENT || errno == ENOTDIR) return std::optional<FileDescriptor>();
  return errno_error(fmt::format("open {}", path), errno,
                     errno == EPERM || errno == EACCES ? capability_hint({CAP_BPF, CAP_NET_ADMIN}) : "");
}

Result<FileDescriptor> open_pin(const std::string& path) {
  Result<std::optional<FileDescriptor>> found = find_pin(path);
  if (!found) return tl::make_unexpected(found.error());
  if (!*found) return errno_error(fmt::format("open {}", path), ENOENT);
  return std::move(**found);
}

Result<void> rename_pin(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    return errno_error(fmt::format("rename {} to {}", from, to), errno);
  }
  return {};
}

Result<void> exchange_pins(const std::string& one, const std::string& other) {
  if (renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) != 0) {
    return errno_error(fmt::format("exchange {} and {}", one, other), errno);
  }
  return {};
}

Result<void> remove_pins(const std::string& path) {
  return remove_here(path, 0);
}

}  // namespace perilune::bpf
