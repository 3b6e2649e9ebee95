#include "bpf/system_call.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>

#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace perilune::bpf {
namespace {

/// BPF_OBJ_GET_INFO_BY_FD; false sets errno.
bool get_info(int fd, void* info, uint32_t size) {
  bpf_attr attributes{};
  attributes.info.bpf_fd = static_cast<uint32_t>(fd);
  attributes.info.info = reinterpret_cast<uintptr_t>(info);
  attributes.info.info_len = size;
  const long done = system_call(BPF_OBJ_GET_INFO_BY_FD, &attributes, sizeof attributes);
  if (done < 0) errno = static_cast<int>(-done);
  return done >= 0;
}

/// "memlock:" of /proc/self/fdinfo: what the object takes, as far as the kernel accounts for it.
uint64_t accounted_memory(int fd) {
  std::ifstream file(fmt::format("/proc/self/fdinfo/{}", fd));
  constexpr std::string_view kField = "memlock:";
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(kField)) continue;
    const size_t start = line.find_first_of("0123456789");
    uint64_t bytes = 0;
    if (start != std::string::npos) std::from_chars(line.data() + start, line.data() + line.size(), bytes);
    return bytes;
  }
  return 0;
}

std::string fixed_name(const char* name) {
  return {name, strnlen(name, BPF_OBJ_NAME_LEN)};
}

/// struct bpf_link_info.
struct RawLinkInfo {
  uint32_t type;
  uint32_t id;
  uint32_t program_id;
  uint32_t padding;
  decltype(LinkInfo::of) of;
};

}  // namespace

long system_call(int command, void* attributes, uint32_t size) {
  constexpr int kLoad = BPF_PROG_LOAD;
  constexpr int kMostTries = 20;  // the verifier gives way to signals
  for (int tries = 1;; ++tries) {
    const long result = syscall(__NR_bpf, command, attributes, size);
    if (result >= 0) return result;
    if (errno != EAGAIN || command != kLoad || tries == kMostTries) return -errno;
  }
}

Result<ProgramInfo> program_info(int fd) {
  bpf_prog_info raw{};
  if (!get_info(fd, &raw, sizeof raw)) return errno_error("ask the kernel about a program", errno);
  ProgramInfo info;
  info.id = raw.id;
  info.type = raw.type;
  info.name = fixed_name(raw.name);
  for (const uint8_t byte : raw.tag)
    info.tag += fmt::format("{:02x}", byte);
  info.instructions = raw.xlated_prog_len / static_cast<uint32_t>(sizeof(bpf_insn));
  info.machine_bytes = raw.jited_prog_len;
  info.verified = raw.verified_insns;
  info.load_time_ns = raw.load_time;
  info.run_time_ns = raw.run_time_ns;
  info.run_count = raw.run_cnt;
  info.memory = accounted_memory(fd);
  info.map_ids.resize(raw.nr_map_ids);
  bpf_prog_info again{};
  again.nr_map_ids = raw.nr_map_ids;
  again.map_ids = reinterpret_cast<uintptr_t>(info.map_ids.data());
  if (raw.nr_map_ids != 0 && !get_info(fd, &again, sizeof again)) {
    return errno_error("ask the kernel about a program's maps", errno);
  }
  return info;
}

Result<MapInfo> map_info(int fd) {
  bpf_map_info raw{};
  if (!get_info(fd, &raw, sizeof raw)) return errno_error("ask the kernel about a map", errno);
  MapInfo info;
  info.id = raw.id;
  info.type = raw.type;
  info.key_size = raw.key_size;
  info.value_size = raw.value_size;
  info.max_entries = raw.max_entries;
  info.flags = raw.map_flags;
  info.name = fixed_name(raw.name);
  info.memory = accounted_memory(fd);
  return info;
}

Result<LinkInfo> link_info(int fd) {
  RawLinkInfo raw{};
  if (!get_info(fd, &raw, sizeof raw)) return errno_error("ask the kernel about a link", errno);
  LinkInfo info;
  info.id = raw.id;
  info.type = static_cast<LinkType>(raw.type);
  info.program_id = raw.program_id;
  info.of = raw.of;
  return info;
}

Result<std::vector<uint32_t>> tcx_links(uint32_t ifindex, uint32_t attach_type) {
  constexpr uint32_t kMost = 64;  // the kernel takes no more at one hook
  std::vector<uint32_t> programs(kMost);
  std::vector<uint32_t> links(kMost);
  struct {  // BPF_PROG_QUERY's part of union bpf_attr
    uint32_t target;
    uint32_t attach_type;
    uint32_t query_flags;
    uint32_t attach_flags;
    uint64_t programs;
    uint32_t count;
    uint32_t padding;
    uint64_t program_flags;
    uint64_t links;
    uint64_t link_flags;
    uint64_t revision;
  } query{};
  query.target = ifindex;
  query.attach_type = attach_type;
  query.programs = reinterpret_cast<uintptr_t>(programs.data());
  query.links = reinterpret_cast<uintptr_t>(links.data());
  query.count = kMost;
  const long done = system_call(BPF_PROG_QUERY, &query, sizeof query);
  if (done == -ENOENT || done == -ENODEV) return std::vector<uint32_t>();
  if (done < 0) return errno_error("ask which programs are at tc", static_cast<int>(-done));
  links.resize(std::min(query.count, kMost));
  return links;
}

Result<uint32_t> next_id(ObjectKind kind, uint32_t id) {
  constexpr std::array<int, 3> kCommands{BPF_PROG_GET_NEXT_ID, BPF_MAP_GET_NEXT_ID, BPF_LINK_GET_NEXT_ID};
  bpf_attr attributes{};
  attributes.start_id = id;
  const long done = system_call(kCommands[static_cast<size_t>(kind)], &attributes, sizeof attributes);
  if (done == -ENOENT) return 0U;
  if (done < 0) return errno_error("list what is in the kernel", static_cast<int>(-done));
  return attributes.next_id;
}

Result<std::optional<FileDescriptor>> open_id(ObjectKind kind, uint32_t id) {
  constexpr std::array<int, 3> kCommands{BPF_PROG_GET_FD_BY_ID, BPF_MAP_GET_FD_BY_ID, BPF_LINK_GET_FD_BY_ID};
  bpf_attr attributes{};
  attributes.prog_id = id;
  const long fd = system_call(kCommands[static_cast<size_t>(kind)], &attributes, sizeof attributes);
  if (fd == -ENOENT) return std::optional<FileDescriptor>();
  if (fd < 0) return errno_error("open an object of the kernel by its id", static_cast<int>(-fd));
  return std::optional<FileDescriptor>(FileDescriptor(static_cast<int>(fd)));
}

void keep_libbpf_quiet() {
  (void)libbpf_set_print(nullptr);
}

Result<FileDescriptor> enable_statistics() {
  bpf_attr attributes{};
  attributes.enable_stats.type = BPF_STATS_RUN_TIME;
  const long fd = system_call(BPF_ENABLE_STATS, &attributes, sizeof attributes);
  if (fd < 0) return errno_error("have the kernel measure run times", static_cast<int>(-fd));
  return FileDescriptor(static_cast<int>(fd));
}

void wait_for_running_programs() {
  // The global kind is synchronize_rcu() to the kernel.
  if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) {
    constexpr unsigned kMicroseconds = 50'000;
    usleep(kMicroseconds);
  }
}

}  // namespace perilune::bpf
