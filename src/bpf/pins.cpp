#include "bpf/pins.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "bpf/capabilities.h"

namespace perilune::bpf {
namespace {

constexpr const char* kMountPoint = "/sys/fs/bpf";
constexpr const char* kFolder = "perilune";
constexpr mode_t kFolderMode = 0700;

bool is_bpffs(const char* path) {
  struct statfs status {};
  return statfs(path, &status) == 0 && static_cast<unsigned long>(status.f_type) == BPF_FS_MAGIC;
}

uint64_t inode_of(const char* path) {
  struct stat status {};
  return stat(path, &status) == 0 ? status.st_ino : 0;
}

/// Our ancestors, the parent first.
std::vector<std::string> ancestors() {
  std::vector<std::string> found;
  std::string process = "self";
  constexpr size_t kMost = 64;
  while (found.size() < kMost) {
    std::ifstream file(fmt::format("/proc/{}/stat", process));
    std::string line;
    if (!std::getline(file, line)) break;
    // "PID (NAME) STATE PARENT ...", and a name may hold anything.
    const size_t name_end = line.rfind(')');
    if (name_end == std::string::npos || name_end + 4 >= line.size()) break;
    const size_t begin = name_end + 4;
    process = line.substr(begin, line.find(' ', begin) - begin);
    if (process == "0") break;
    found.push_back(process);
  }
  return found;
}

/// Where the caller wants the pins, or null.
const char* private_bpffs() {
  const char* chosen = std::getenv("PERILUNE_BPFFS");
  return chosen != nullptr && *chosen != '\0' ? chosen : nullptr;
}

/// Where bpffs is, or empty. `ip netns exec` puts a fresh /sys over ours in a mount namespace that ends with the
/// command: then where our ancestors see it.
std::string find_bpffs() {
  if (const char* chosen = private_bpffs(); chosen != nullptr) return chosen;
  if (is_bpffs(kMountPoint)) return kMountPoint;
  for (const std::string& process : ancestors()) {
    const std::string place = fmt::format("/proc/{}/root{}", process, kMountPoint);
    if (is_bpffs(place.c_str())) return place;
  }
  return {};
}

/// Mounts at kMountPoint, once, whoever else tries at the same time; the errno, or 0.
int mount_here() {
  FileDescriptor folder(open(kMountPoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return errno;
  (void)flock(folder.get(), LOCK_EX);
  if (is_bpffs(kMountPoint)) return 0;
  return mount("bpf", kMountPoint, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, "mode=1777") == 0 ? 0 : errno;
}

/// The same for everybody: in the mount namespace of our oldest ancestor that may be looked at, because a mount in a
/// passing one of our own would end, with all pins, when we end.
int mount_for_all() {
  uint64_t outside = 0;
  std::string namespace_path;
  for (const std::string& process : ancestors()) {
    const std::string path = fmt::format("/proc/{}/ns/mnt", process);
    if (const uint64_t inode = inode_of(path.c_str()); inode != 0) {
      outside = inode;
      namespace_path = path;
    }
  }
  if (outside == 0 || outside == inode_of("/proc/self/ns/mnt")) return mount_here();
  const pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    const int target = open(namespace_path.c_str(), O_RDONLY | O_CLOEXEC);
    if (target < 0 || setns(target, CLONE_NEWNS) != 0) _exit(errno);
    _exit(mount_here());
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return ECHILD;
  return WEXITSTATUS(status);
}

}  // namespace

Result<PinRoot> PinRoot::open_for_change() {
  PinRoot root;
  std::string bpffs = find_bpffs();
  if (bpffs.empty()) {
    if (const int code = mount_for_all(); code != 0) {
      return errno_error(fmt::format("mount the bpf file system at {}", kMountPoint), code,
                         fmt::format("filters are kept there; as root: mount -t bpf bpf {}", kMountPoint));
    }
    root.mounted_ = true;
    bpffs = find_bpffs();
    if (bpffs.empty()) return system_error(fmt::format("the bpf file system does not appear at {}", kMountPoint));
  }
  const std::string path = bpffs + "/" + kFolder;
  for (;;) {
    if (mkdir(path.c_str(), kFolderMode) != 0 && errno != EEXIST) {
      return errno_error(fmt::format("make {}", path), errno, capability_hint({CAP_BPF, CAP_NET_ADMIN}));
    }
    root.lock_ = FileDescriptor(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root.lock_) {
      return errno_error(fmt::format("open {}", path), errno,
                         "it belongs to the user who loaded the first filter: run it as that user, or as root");
    }
    if (flock(root.lock_.get(), LOCK_EX) != 0) return errno_error(fmt::format("lock {}", path), errno);
    // Whoever had the lock before may have taken the folder away.
    struct stat opened {};
    if (fstat(root.lock_.get(), &opened) == 0 && opened.st_ino == inode_of(path.c_str())) break;
  }
  root.path_ = path;
  return root;
}

Result<PinRoot> PinRoot::open_for_reading() {
  PinRoot root;
  const std::string bpffs = find_bpffs();
  if (bpffs.empty()) return root;
  const std::string path = bpffs + "/" + kFolder;
  FileDescriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) {
    if (errno == ENOENT) return root;
    return errno_error(fmt::format("open {}", path), errno, "run it as the user who loaded the filters, or as root");
  }
  root.path_ = path;
  return root;
}

std::vector<std::string> PinRoot::names() const {
  return exists() ? names_in(path_) : std::vector<std::string>();
}

void PinRoot::remove_if_empty() {
  if (exists()) (void)rmdir(path_.c_str());
}

bool has_private_bpffs() {
  return private_bpffs() != nullptr;
}

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

bool is_pinned(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
}

Result<FileDescriptor> open_pin(const std::string& path) {
  const int fd = bpf_obj_get(path.c_str());
  if (fd < 0) {
    return errno_error(fmt::format("open {}", path), errno,
                       errno == EPERM || errno == EACCES ? capability_hint({CAP_BPF, CAP_NET_ADMIN}) : "");
  }
  return FileDescriptor(fd);
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
  std::error_code code;
  std::filesystem::remove_all(path, code);
  if (code) return errno_error(fmt::format("remove {}", path), code.value());
  return {};
}

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path, ignored))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace perilune::bpf
