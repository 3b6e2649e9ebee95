#include "base/files.h"

#include <algorithm>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file_descriptor.h"

namespace perilune {
namespace {

/// ESRCH: a file of a process that has ended.
bool says_missing(int code) {
  return code == ENOENT || code == ENOTDIR || code == ESRCH;
}

bool says_forbidden(int code) {
  return code == EACCES || code == EPERM;
}

struct Closer {
  void operator()(DIR* folder) const { (void)closedir(folder); }
};

}  // namespace

Result<std::optional<struct stat>> file_status(const std::string& path, bool follow) {
  struct stat status {};
  if ((follow ? stat(path.c_str(), &status) : lstat(path.c_str(), &status)) == 0) {
    return std::optional<struct stat>(status);
  }
  if (says_missing(errno)) return std::optional<struct stat>();
  return errno_error(fmt::format("look at {}", path), errno);
}

Result<bool> exists(const std::string& path) {
  const Result<std::optional<struct stat>> status = file_status(path, false);
  if (!status) return tl::make_unexpected(status.error());
  return status->has_value();
}

Result<std::vector<std::string>> names_in(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, Closer> folder(opendir(path.c_str()));
  if (!folder) {
    if (says_missing(errno)) return names;
    return errno_error(fmt::format("list {}", path), errno);
  }
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(folder.get());  // NOLINT(concurrency-mt-unsafe): a stream of our own
    if (entry == nullptr && errno != 0) return errno_error(fmt::format("list {}", path), errno);
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<bool> is_bpffs(const std::string& path) {
  struct statfs status {};
  if (statfs(path.c_str(), &status) == 0) return static_cast<unsigned long>(status.f_type) == BPF_FS_MAGIC;
  if (says_missing(errno) || says_forbidden(errno)) return false;
  return errno_error(fmt::format("look at the file system of {}", path), errno);
}

Result<std::optional<std::string>> read_file(const std::string& path) {
  const auto failed = [&path](int code) -> Result<std::optional<std::string>> {
    if (says_missing(code) || says_forbidden(code)) return std::optional<std::string>();
    return errno_error(fmt::format("read {}", path), code);
  };
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failed(errno);
  // A file of megabytes (the kernel's type information) is copied once: into room of its size. Files of /proc say 0.
  struct stat status {};
  constexpr size_t kRoom = size_t{64} << 10, kMostRoom = size_t{64} << 20;
  size_t room = kRoom;
  if (fstat(file.get(), &status) == 0 && status.st_size > 0)
    room = std::min(static_cast<size_t>(status.st_size) + 1, kMostRoom);
  std::string text;
  for (;;) {
    ssize_t got = 0;
    int code = 0;
    const size_t before = text.size();
    text.resize_and_overwrite(before + room, [&](char* bytes, size_t) {
      got = read(file.get(), bytes + before, room);
      code = errno;
      return before + static_cast<size_t>(std::max<ssize_t>(got, 0));
    });
    if (got < 0 && code == EINTR) continue;
    if (got < 0) return failed(code);
    if (got == 0) return std::optional<std::string>(std::move(text));
    room = kRoom;
  }
}

}  // namespace perilune
