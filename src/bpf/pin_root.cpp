// Where the folder of pins is, and who may use it.
//
// Filters of the machine are in /run/perilune/bpf, a bpf file system of our own, mode 0700, inside a folder that is
// root's: no other user can take a name there first. The machine's own /sys/fs/bpf can be writable for everybody, so
// nothing depends on a name in it. Filters that an older version left in /sys/fs/bpf/perilune are used there until the
// last one is unloaded, if that folder is root's alone.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/capabilities.h"
#include "base/files.h"
#include "bpf/pins.h"

namespace perilune::bpf {
namespace {

constexpr const char* kHome = "/run/perilune";
constexpr const char* kMountPoint = "/run/perilune/bpf";
constexpr const char* kMountLock = "/run/perilune/lock";
constexpr const char* kOlderBpffs = "/sys/fs/bpf";
constexpr const char* kFolder = "perilune";  // in a bpf file system that is not ours alone
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kHomeMode = 0755;
constexpr mode_t kOthersMayWrite = 022;
constexpr int kSecondsToWait = 30;

/// Where the caller wants the pins, or null.
const char* private_bpffs() {
  const char* chosen = std::getenv("PERILUNE_BPFFS");
  return chosen != nullptr && *chosen != '\0' ? chosen : nullptr;
}

/// Our ancestors, the parent first. `ip netns exec` and the like give a command mounts of its own, which end with it:
/// what is to stay is looked for and made where an ancestor sees it.
Result<std::vector<std::string>> ancestors() {
  std::vector<std::string> found;
  std::string process = "self";
  constexpr size_t kMost = 64;
  while (found.size() < kMost) {
    const Result<std::optional<std::string>> line = read_file(fmt::format("/proc/{}/stat", process));
    if (!line) return tl::make_unexpected(line.error());
    if (!*line) break;
    // "PID (NAME) STATE PARENT ...", and a name may hold anything.
    const size_t name_end = (*line)->rfind(')');
    if (name_end == std::string::npos || name_end + 4 >= (*line)->size()) break;
    const size_t begin = name_end + 4;
    process = (*line)->substr(begin, (*line)->find(' ', begin) - begin);
    if (process == "0") break;
    found.push_back(process);
  }
  return found;
}

/// The number of a process's mount namespace. Nothing: it is not for our eyes, or gone.
Result<std::optional<uint64_t>> mounts_of(const std::string& process) {
  struct stat status {};
  if (stat(fmt::format("/proc/{}/ns/mnt", process).c_str(), &status) == 0) {
    return std::optional<uint64_t>(status.st_ino);
  }
  if (errno == ENOENT || errno == ESRCH || errno == EACCES || errno == EPERM) return std::optional<uint64_t>();
  return errno_error(fmt::format("look at the mounts of process {}", process), errno);
}

/// What stands against using the folder; the descriptor is of the very folder that will be used.
Result<void> check_owner(const FileDescriptor& folder, const std::string& path, mode_t forbidden) {
  struct stat status {};
  if (fstat(folder.get(), &status) != 0) return errno_error(fmt::format("look at {}", path), errno);
  if (status.st_uid != geteuid()) {
    return system_error(
        fmt::format("{} belongs to user {}, not to user {} who runs this", path, status.st_uid, geteuid()),
        fmt::format("its owner could take filters away: run it as that user, or remove the folder ('rm -r {}')", path));
  }
  if ((status.st_mode & forbidden) != 0) {
    return system_error(fmt::format("{} is open to other users (mode {:o})", path, status.st_mode & 07777),
                        fmt::format("they could take filters away: chmod {:o} {}", 07777 & ~forbidden & 0700, path));
  }
  return {};
}

/// A folder, never what a symbolic link leads to. Nothing: there is none.
Result<std::optional<FileDescriptor>> open_folder(const std::string& path) {
  FileDescriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (folder) return std::optional<FileDescriptor>(std::move(folder));
  const int code = errno;
  if (code == ENOENT) return std::optional<FileDescriptor>();
  if (code == ELOOP || code == ENOTDIR) {
    return system_error(fmt::format("{} is not a folder", path), "filters are kept there: remove what is in its place");
  }
  return errno_error(fmt::format("open {}", path), code,
                     code == EACCES || code == EPERM
                         ? "filters belong to the user who loaded them: run it as that user, or as root"
                         : "");
}

/// What is pinned in the folder. The kernel puts files of its own into each bpf file system; their names have dots,
/// ours never do.
Result<std::vector<std::string>> pins_in(const std::string& path) {
  Result<std::vector<std::string>> names = names_in(path);
  if (names) std::erase_if(*names, [](const std::string& name) { return name.find('.') != std::string::npos; });
  return names;
}

struct Place {
  std::string path;       // of the folder of pins; empty: there is none
  FileDescriptor folder;  // checked to be ours
};

/// The folder at `path` if it is there.
Result<Place> place_at(const std::string& path) {
  Result<std::optional<FileDescriptor>> folder = open_folder(path);
  if (!folder) return tl::make_unexpected(folder.error());
  if (!*folder) return Place{};
  if (const Result<void> ours = check_owner(**folder, path, 077); !ours) return tl::make_unexpected(ours.error());
  return Place{path, std::move(**folder)};
}

/// Where the mount at `mount_point` can be seen, here or by an ancestor; empty: nowhere.
Result<std::string> find_mount(const std::string& mount_point) {
  const Result<std::vector<std::string>> processes = ancestors();
  if (!processes) return tl::make_unexpected(processes.error());
  std::vector<std::string> places{mount_point};
  for (const std::string& process : *processes)
    places.push_back(fmt::format("/proc/{}/root{}", process, mount_point));
  for (const std::string& place : places) {
    const Result<bool> there = is_bpffs(place);
    if (!there) return tl::make_unexpected(there.error());
    if (*there) return place;
  }
  return std::string();
}

/// What an older version left, if it is ours alone and holds anything. A folder of another user there means nothing.
Result<Place> older_place() {
  const Result<std::string> bpffs = find_mount(kOlderBpffs);
  if (!bpffs) return tl::make_unexpected(bpffs.error());
  if (bpffs->empty()) return Place{};
  const std::string path = *bpffs + "/" + kFolder;
  const Result<std::optional<struct stat>> status = file_status(path, false);
  if (!status) return tl::make_unexpected(status.error());
  if (!*status || !S_ISDIR((*status)->st_mode) || (*status)->st_uid != geteuid()) return Place{};
  Result<Place> place = place_at(path);
  if (!place || place->path.empty()) return place;
  const Result<std::vector<std::string>> names = pins_in(path);
  if (!names) return tl::make_unexpected(names.error());
  return names->empty() ? Place{} : std::move(*place);
}

/// The machine's folder of pins, where there is one.
Result<Place> present_place() {
  const Result<std::string> path = find_mount(kMountPoint);
  if (!path) return tl::make_unexpected(path.error());
  Place own;
  if (!path->empty()) {
    Result<Place> found = place_at(*path);
    if (!found) return found;
    own = std::move(*found);
    const Result<std::vector<std::string>> names = pins_in(*path);
    if (!names) return tl::make_unexpected(names.error());
    if (!names->empty()) return own;
  }
  Result<Place> older = older_place();
  if (!older || !older->path.empty()) return older;
  return own;
}

std::function<void(const std::string& holder)>& wait_notice() {
  static std::function<void(const std::string& holder)> notice;
  return notice;
}

/// "process 123 (perilune load ...)", as /proc tells; "somebody else" where it does not.
std::string holder_of(const FileDescriptor& locked) {
  struct stat status {};
  const std::string unknown = "somebody else";
  if (fstat(locked.get(), &status) != 0) return unknown;
  const std::string wanted = fmt::format("{:02x}:{:02x}:{}", major(status.st_dev), minor(status.st_dev), status.st_ino);
  std::ifstream locks("/proc/locks");
  // "1: FLOCK  ADVISORY  WRITE 123 00:2b:4567 0 EOF"
  for (std::string line; std::getline(locks, line);) {
    const size_t at = line.find(" " + wanted + " ");
    if (at == std::string::npos || line.find("FLOCK") == std::string::npos || line.find("->") != std::string::npos) {
      continue;
    }
    const size_t begin = line.rfind(' ', at - 1) + 1;
    const std::string process = line.substr(begin, at - begin);
    const auto text = read_file(fmt::format("/proc/{}/cmdline", process));
    std::string command = text ? text->value_or("") : std::string();
    for (char& c : command)
      if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
    while (command.ends_with(' '))
      command.pop_back();
    return command.empty() ? fmt::format("process {}", process) : fmt::format("process {} ({})", process, command);
  }
  return unknown;
}

/// Waits for the lock, with a limit; the error says who holds it.
Result<void> lock(const FileDescriptor& file, const std::string& path) {
  constexpr int kStepsASecond = 50;
  constexpr useconds_t kStep = 1'000'000 / kStepsASecond;
  for (int step = 0; step < kSecondsToWait * kStepsASecond; ++step) {
    if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) return {};
    if (errno != EWOULDBLOCK && errno != EINTR) return errno_error(fmt::format("lock {}", path), errno);
    if (step == kStepsASecond && wait_notice()) wait_notice()(holder_of(file));
    usleep(kStep);
  }
  return system_error(fmt::format("filters are being changed by {} since {} seconds", holder_of(file), kSecondsToWait),
                      "one command at a time changes them: wait for it, or end it");
}

/// Makes the folder and mounts, once, although others may try at the same time.
Result<void> mount_here() {
  if (mkdir(kHome, kHomeMode) != 0 && errno != EEXIST) return errno_error(fmt::format("make {}", kHome), errno);
  Result<std::optional<FileDescriptor>> home = open_folder(kHome);
  if (!home) return tl::make_unexpected(home.error());
  if (!*home) return errno_error(fmt::format("open {}", kHome), ENOENT);
  if (const Result<void> ours = check_owner(**home, kHome, kOthersMayWrite); !ours) return ours;
  // Not the folder itself: anybody who may list it could hold a lock on it.
  const FileDescriptor turn(open(kMountLock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!turn) return errno_error(fmt::format("open {}", kMountLock), errno);
  if (const Result<void> locked = lock(turn, kMountLock); !locked) return locked;
  if (mkdir(kMountPoint, kFolderMode) != 0 && errno != EEXIST) {
    return errno_error(fmt::format("make {}", kMountPoint), errno);
  }
  const Result<bool> mounted = is_bpffs(kMountPoint);
  if (!mounted) return tl::make_unexpected(mounted.error());
  if (*mounted) return {};
  if (mount("bpf", kMountPoint, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, "mode=0700") != 0) {
    return errno_error(fmt::format("mount a bpf file system at {}", kMountPoint), errno);
  }
  return {};
}

/// The same for everybody: in the mount namespace of our oldest ancestor that may be looked at, because a mount in a
/// passing one of our own would end, with all pins, when we end.
Result<void> mount_for_all() {
  const Result<std::vector<std::string>> processes = ancestors();
  if (!processes) return tl::make_unexpected(processes.error());
  std::optional<uint64_t> outside;
  std::string namespace_path;
  for (const std::string& process : *processes) {
    const Result<std::optional<uint64_t>> mounts = mounts_of(process);
    if (!mounts) return tl::make_unexpected(mounts.error());
    if (!*mounts) continue;
    outside = *mounts;
    namespace_path = fmt::format("/proc/{}/ns/mnt", process);
  }
  const Result<std::optional<uint64_t>> here = mounts_of("self");
  if (!here) return tl::make_unexpected(here.error());
  if (!outside || outside == *here) return mount_here();
  const pid_t child = fork();
  if (child < 0) return errno_error("start a process that mounts a bpf file system", errno);
  if (child == 0) {
    const int target = open(namespace_path.c_str(), O_RDONLY | O_CLOEXEC);
    if (target < 0 || setns(target, CLONE_NEWNS) != 0) _exit(1);
    const Result<void> done = mount_here();
    if (!done) std::fputs(fmt::format("perilune: {}\n", done.error().message).c_str(), stderr);
    _exit(done ? 0 : 1);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return errno_error("wait for the process that mounts a bpf file system", errno);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return system_error(fmt::format("no bpf file system could be mounted at {}", kMountPoint));
  }
  return {};
}

Error with_hint(Error error) {
  if (error.hint.empty()) {
    error.hint = geteuid() == 0
                     ? fmt::format(
                           "filters are kept there; by hand: mkdir -p -m 700 {0} && mount -t bpf -o mode=0700 "
                           "bpf {0}",
                           kMountPoint)
                     : "filters are kept in a bpf file system of root's: run it with sudo, or have root mount one for "
                       "you and name it in PERILUNE_BPFFS";
  }
  return error;
}

/// The machine's folder of pins, made where it is missing.
Result<Place> machine_place() {
  Result<Place> present = present_place();
  if (!present || !present->path.empty()) return present;
  if (const Result<void> mounted = mount_for_all(); !mounted) {
    return tl::make_unexpected(with_hint(mounted.error()));
  }
  Result<Place> made = present_place();
  if (made && made->path.empty()) {
    return system_error(fmt::format("the bpf file system that was mounted at {} does not appear there", kMountPoint));
  }
  return made;
}

/// The folder in a private bpf file system.
Result<Place> private_place(const std::string& bpffs, bool make) {
  const Result<bool> sound = is_bpffs(bpffs);
  if (!sound) return tl::make_unexpected(sound.error());
  if (!*sound) {
    return input_error(fmt::format("PERILUNE_BPFFS names {}, which is not a bpf file system", bpffs),
                       fmt::format("mount one there: mount -t bpf bpf {}", bpffs));
  }
  const std::string path = bpffs + "/" + kFolder;
  if (make && mkdir(path.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    return errno_error(fmt::format("make {}", path), errno, capability_hint({CAP_BPF, CAP_NET_ADMIN}));
  }
  return place_at(path);
}

}  // namespace

void tell_who_is_waited_for(std::function<void(const std::string& holder)> tell) {
  wait_notice() = std::move(tell);
}

bool has_private_bpffs() {
  return private_bpffs() != nullptr;
}

Result<PinRoot> PinRoot::open_for_change() {
  constexpr int kTries = 100;
  for (int tries = 0; tries < kTries; ++tries) {
    Result<Place> place = has_private_bpffs() ? private_place(private_bpffs(), true) : machine_place();
    if (!place) return tl::make_unexpected(place.error());
    if (place->path.empty()) continue;  // another process has just taken away what was made
    if (const Result<void> locked = lock(place->folder, place->path); !locked)
      return tl::make_unexpected(locked.error());
    // Whoever had the lock before may have taken the folder away.
    struct stat opened {};
    if (fstat(place->folder.get(), &opened) != 0) return errno_error(fmt::format("look at {}", place->path), errno);
    const Result<std::optional<struct stat>> now = file_status(place->path, true);
    if (!now) return tl::make_unexpected(now.error());
    if (!*now || (*now)->st_ino != opened.st_ino || (*now)->st_dev != opened.st_dev) continue;
    PinRoot root;
    root.path_ = std::move(place->path);
    root.lock_ = std::move(place->folder);
    return root;
  }
  return system_error("the folder of pins comes and goes too fast to be locked", "try again");
}

Result<PinRoot> PinRoot::open_for_reading() {
  Result<Place> place = has_private_bpffs() ? private_place(private_bpffs(), false) : present_place();
  if (!place) return tl::make_unexpected(place.error());
  PinRoot root;
  root.path_ = std::move(place->path);
  return root;
}

Result<std::vector<std::string>> PinRoot::names() const {
  return exists() ? pins_in(path_) : std::vector<std::string>();
}

Result<bool> PinRoot::is_being_changed() const {
  if (!exists()) return false;
  const Result<std::optional<FileDescriptor>> folder = open_folder(path_);
  if (!folder) return tl::make_unexpected(folder.error());
  if (!*folder) return false;
  if (flock((*folder)->get(), LOCK_SH | LOCK_NB) == 0) return false;
  if (errno == EWOULDBLOCK) return true;
  return errno_error(fmt::format("lock {}", path_), errno);
}

void PinRoot::remove_if_empty() {
  // The root of a mounted file system stays; so does a folder with something in it.
  if (exists()) (void)rmdir(path_.c_str());
}

}  // namespace perilune::bpf
