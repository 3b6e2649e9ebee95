// cgroup: packets of the sockets of a control group's processes (Linux 5.7), such as those of one systemd unit. A link
// at the group's folder in the cgroup2 file system; packets begin with their IP header.
//
// A group's folder can go away under the link: systemd makes a unit's anew at each start.
#include <algorithm>
#include <array>
#include <filesystem>

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/capabilities.h"
#include "base/files.h"
#include "bpf/attach.h"
#include "bpf/hooks/links.h"

namespace perilune::bpf {
namespace {

constexpr std::string_view kIn = "in";
constexpr std::string_view kOut = "out";
constexpr std::string_view kUnit = "unit:";

/// A place's two halves: "system.slice/ssh.service:in".
struct Group {
  std::string path;  // below the file system's root; "." is the root
  bool outgoing = false;
};

Group group_of(const AttachPoint& point) {
  const size_t colon = point.part.rfind(':');
  return {point.part.substr(0, colon), std::string_view(point.part).substr(colon + 1) == kOut};
}

/// Where the cgroup2 file system is: /sys/fs/cgroup, or beside the older hierarchies.
Result<std::string> mount_point() {
  const Result<std::optional<std::string>> mounts = read_file("/proc/self/mounts");
  if (!mounts) return tl::make_unexpected(mounts.error());
  // "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0", spaces within names as \040
  std::string_view rest = *mounts ? std::string_view(**mounts) : std::string_view();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const size_t path = line.find(' ') + 1;
    const size_t type = line.find(' ', path) + 1;
    if (path != 0 && type != 0 && line.substr(type).starts_with("cgroup2 "))
      return std::string(line.substr(path, type - 1 - path));
  }
  return system_error("there is no cgroup2 file system", "mount -t cgroup2 none /sys/fs/cgroup");
}

bool is_group(const std::string& folder) {
  struct statfs status {};
  return ::statfs(folder.c_str(), &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC &&
         std::filesystem::is_directory(folder);
}

/// Folders with this name anywhere below the file system's root, relative to it.
std::vector<std::string> find_unit(const std::string& mount, std::string_view name) {
  constexpr size_t kMostFolders = 1'000'000;
  std::vector<std::string> found;
  size_t seen = 0;
  std::error_code error;  // groups that vanish meanwhile
  for (auto one = std::filesystem::recursive_directory_iterator(
           mount, std::filesystem::directory_options::skip_permission_denied, error);
       !error && one != std::filesystem::recursive_directory_iterator() && seen < kMostFolders; one.increment(error)) {
    if (!one->is_directory(error)) continue;
    ++seen;
    if (one->path().filename() == name) found.push_back(one->path().lexically_relative(mount));
  }
  std::ranges::sort(found);
  return found;
}

Result<std::string> path_of_unit(const std::string& mount, std::string_view name) {
  if (name.find('/') != std::string_view::npos) {
    return input_error(fmt::format("'{}' is no unit's name", name), "write the group's path without 'unit:'");
  }
  std::vector<std::string> found = find_unit(mount, name);
  // A user's own service manager may have a unit of the same name as the machine's.
  if (found.size() > 1) {
    std::vector<std::string> of_machine;
    std::ranges::copy_if(found, std::back_inserter(of_machine),
                         [](const std::string& path) { return path.find("user@") == std::string::npos; });
    if (of_machine.size() == 1) found = std::move(of_machine);
  }
  if (found.empty()) {
    return input_error(
        fmt::format("no unit '{}' is running: it has no control group", name),
        name.find('.') == std::string_view::npos
            ? fmt::format("write the whole name, such as {}.service", name)
            : fmt::format("'systemctl start {}' starts it; 'systemd-cgls' shows the groups there are", name));
  }
  if (found.size() > 1) {
    return input_error(fmt::format("'{}' is the name of {} control groups", name, found.size()),
                       fmt::format("write the path of one: {}", fmt::join(found, ", ")));
  }
  return found.front();
}

/// As written, to the path below the file system's root.
Result<std::string> path_in(const std::string& mount, std::string_view written) {
  if (written.starts_with(kUnit)) return path_of_unit(mount, written.substr(kUnit.size()));
  // Absolute in the machine's file system, or from the hierarchy's root, as /proc/PID/cgroup and systemctl have it.
  const std::filesystem::path from_root(written);
  std::error_code error;
  std::filesystem::path folder = std::filesystem::canonical(from_root, error);
  if (!from_root.is_absolute() || error || !is_group(folder))
    folder = std::filesystem::canonical(mount + "/" + std::string(written), error);
  if (error) {
    return input_error(fmt::format("there is no control group '{}' in {}", written, mount),
                       "'systemd-cgls' shows those there are, or: find " + mount + " -type d");
  }
  if (!is_group(folder)) {
    return input_error(fmt::format("'{}' is no control group of version 2", written),
                       fmt::format("those are the folders in {}", mount));
  }
  const std::string path = folder.lexically_relative(mount);
  if (path.starts_with("..")) {
    return input_error(fmt::format("'{}' is in another cgroup2 file system than {}", written, mount),
                       "write its path there");
  }
  return path;
}

Result<FileDescriptor> open_group(const std::string& path) {
  const Result<std::string> mount = mount_point();
  if (!mount) return tl::make_unexpected(mount.error());
  const std::string folder = *mount + "/" + path;
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno_error("open " + folder, errno);
  return FileDescriptor(fd);
}

class CgroupPlacement final : public LinkPlacement {
 public:
  CgroupPlacement() = default;
  explicit CgroupPlacement(std::vector<NamedLink> links) { hold(std::move(links)); }

  Result<void> attach(const PinRoot& /*root*/, int program, const ir::Image& /*image*/, Attachment& record,
                      std::vector<std::string>& /*notes*/) override {
    const Group group = group_of(record.point);
    const Result<FileDescriptor> folder = open_group(group.path);
    if (!folder) return tl::make_unexpected(folder.error());
    LinkCreate create;
    create.program = static_cast<uint32_t>(program);
    create.target = static_cast<uint32_t>(folder->get());
    create.attach_type = static_cast<uint32_t>(group.outgoing ? AttachType::kCgroupEgress : AttachType::kCgroupIngress);
    const long fd = create_link(create);
    const std::string what = "attach to " + to_string(record.point);
    if (fd == -EPERM && missing_capabilities({CAP_BPF, CAP_NET_ADMIN}).empty()) {
      return errno_error(
          what, EPERM, "a group above it has a program that lets none be added below ('bpftool cgroup tree' shows it)");
    }
    if (fd == -E2BIG) return errno_error(what, E2BIG, "the kernel takes no more programs there: unload one");
    if (fd < 0) return link_refused(what, fd);
    hold(FileDescriptor(static_cast<int>(fd)));
    return {};
  }
};

class CgroupHook final : public Hook {
 public:
  explicit CgroupHook(std::span<const uint8_t> runtime)
      : Hook({"cgroup", "cgroup:PATH|unit:NAME:in|out",
              "what the processes of a control group, or of a systemd unit, receive or send; may block"},
             Scope::kMachine, {"cgroup", "links at control groups", "5.7"},
             {.type = ProgramType::kCgroupSkb,
              .attach = AttachType::kNone,  // any program fits both ways
              .link = LinkType::kCgroup,
              .pass = 1,
              .runtime = runtime,
              .context = "__sk_buff",
              .raw_ip = true,
              .nests = true,
              .test_context = true,
              .test_gives_packet = false}) {}

  Result<AttachPoint> parse(std::string_view text, std::span<const std::string_view> words) const override {
    const std::string_view place = text.substr(words[0].size() + 1);
    const bool says_direction = words.back() == kIn || words.back() == kOut;
    // "unit:NAME" ends in no direction, "web:inn" in a mistaken one.
    const bool is_whole = !says_direction && place.find(':', place.starts_with(kUnit) ? kUnit.size() : 0) == place.npos;
    const std::string_view path = is_whole ? place : place.substr(0, place.rfind(':'));
    if (path.empty() || path == "unit" || path == kUnit || (words.size() == 2 && says_direction)) {
      return input_error(fmt::format("'{}' names no control group", text),
                         "write cgroup:PATH:in, such as cgroup:system.slice/nginx.service:in, or "
                         "cgroup:unit:nginx.service:in");
    }
    const std::string_view rest = words.back();
    if (rest.starts_with("in@") || rest.starts_with("out@")) {
      return input_error(fmt::format("'{}': a control group is in no network namespace", text),
                         fmt::format("write cgroup:{}:{}", path, rest.substr(0, rest.find('@'))));
    }
    if (!says_direction && (path.ends_with(":in") || path.ends_with(":out"))) {
      return input_error(fmt::format("'{}': nothing follows the direction", text),
                         fmt::format("write cgroup:{}", path));
    }
    if (!says_direction) {
      return input_error(
          fmt::format("'{}' does not say which direction", text),
          fmt::format("write cgroup:{0}:in for packets that its processes receive, cgroup:{0}:out for those they send",
                      path));
    }
    AttachPoint point;
    point.hook = this;
    point.part = place;
    return point;
  }

  Result<AttachPoint> resolve(const AttachPoint& point) const override {
    const Group group = group_of(point);
    const Result<std::string> mount = mount_point();
    if (!mount) return tl::make_unexpected(mount.error());
    Result<std::string> path = path_in(*mount, group.path);
    if (!path) return tl::make_unexpected(path.error());
    AttachPoint resolved = point;
    resolved.part = fmt::format("{}:{}", *path, group.outgoing ? kOut : kIn);
    return resolved;
  }

  compiler::Target target(const AttachPoint& point) const override {
    compiler::Target target = compiler::Target::looking_only();
    target.why_no_mark = "load at tc:IF:in or tc:IF:out";
    if (group_of(point).outgoing) target.direction = "out";
    return target;
  }

  bool probe(Prober& ask) const override {
    const FileDescriptor program = ask.loads(ProgramType::kCgroupSkb, "programs at control groups");
    if (!program) return false;
    LinkCreate create;
    create.program = static_cast<uint32_t>(program.get());
    create.target = 0x7fffffff;  // no descriptor has this number
    create.attach_type = static_cast<uint32_t>(AttachType::kCgroupIngress);
    return ask.knows_link(create, EBADF, "links at control groups");
  }
  std::string way(const Attachment& /*record*/, XdpMode /*now*/) const override { return "link"; }
  bool is_adrift(const LinkInfo& link) const override { return link.of.cgroup.id == 0; }
  std::string_view adrift() const override {
    return "its control group is gone (a unit gets another one at each start): load it again";
  }
  std::string place_of(const LinkInfo& link) const override { return fmt::format("group {}", link.of.cgroup.id); }

  Result<std::unique_ptr<Placement>> place(const PinRoot& /*root*/, const Interface& /*interface*/,
                                           Attachment& /*record*/) const override {
    return std::make_unique<CgroupPlacement>();
  }
  Result<Held> find(const PinRoot& /*root*/, const Attachment& /*record*/, const std::string& folder,
                    std::span<const uint32_t> /*programs*/) const override {
    return find_link_placement<CgroupPlacement>(folder);
  }
};

}  // namespace

const Hook& cgroup_hook(std::span<const uint8_t> runtime) {
  static const CgroupHook hook(runtime);
  return hook;
}

}  // namespace perilune::bpf
