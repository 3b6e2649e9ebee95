// bpf(2) itself, for what the C library of the oldest distribution does not know (tcx and netfilter links), and the few
// commands that are shorter without it.
//
// Structures repeat the kernel's under names of our own: headers may be older than the kernel.
// Reference: include/uapi/linux/bpf.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace perilune::bpf {

/// Kernel numbers that the headers may lack.
enum class ProgramType : uint32_t {
  kUnspecified = 0,
  kSocketFilter = 1,
  kSchedCls = 3,
  kXdp = 6,
  kCgroupSkb = 8,
  kNetfilter = 32
};
enum class AttachType : uint32_t {
  kNone = 0,
  kCgroupIngress = 0,
  kCgroupEgress = 1,
  kXdp = 37,
  kNetfilter = 45,
  kTcxIngress = 46,
  kTcxEgress = 47
};
enum class LinkType : uint32_t { kUnspecified = 0, kCgroup = 3, kXdp = 6, kNetfilter = 10, kTcx = 11 };

/// The command's result; negative: -errno.
[[nodiscard]] long system_call(int command, void* attributes, uint32_t size);

struct ProgramInfo {
  uint32_t id = 0;
  uint32_t type = 0;
  std::string name;
  std::string tag;             // 16 hexadecimal digits
  uint32_t instructions = 0;   // after the kernel's rewriting
  uint32_t machine_bytes = 0;  // 0: not translated to machine code
  uint32_t verified = 0;       // instructions the verifier walked; 0: the kernel does not say
  uint64_t memory = 0;         // bytes
  uint64_t load_time_ns = 0;   // CLOCK_BOOTTIME
  uint64_t run_time_ns = 0;    // only while statistics are on
  uint64_t run_count = 0;      // likewise
  std::vector<uint32_t> map_ids;
};

struct MapInfo {
  uint32_t id = 0;
  uint32_t type = 0;
  uint32_t key_size = 0;
  uint32_t value_size = 0;
  uint32_t max_entries = 0;
  uint32_t flags = 0;
  std::string name;
  uint64_t memory = 0;  // bytes
};

/// The place of a netfilter link, as BPF_LINK_CREATE takes it and struct bpf_link_info returns it.
struct NetfilterHookPoint {
  uint32_t family;
  uint32_t hook;
  int32_t priority;
  uint32_t flags;
};

struct LinkInfo {
  uint32_t id = 0;
  LinkType type = LinkType::kUnspecified;
  uint32_t program_id = 0;
  /// What it is attached to, by its kind (struct bpf_link_info).
  union {
    struct {
      uint32_t ifindex;      // 0: the interface is gone
      uint32_t attach_type;  // tcx
    } device;
    struct {
      uint64_t id;  // the number of its folder; 0: it is gone
      uint32_t attach_type;
    } cgroup;
    NetfilterHookPoint netfilter;
    uint64_t room[8];
  } of{};
};

[[nodiscard]] Result<ProgramInfo> program_info(int fd);
[[nodiscard]] Result<MapInfo> map_info(int fd);
[[nodiscard]] Result<LinkInfo> link_info(int fd);

/// Ids of the links that hold programs at tc of an interface of the current namespace; none when there is no such
/// interface.
[[nodiscard]] Result<std::vector<uint32_t>> tcx_links(uint32_t ifindex, uint32_t attach_type);

enum class ObjectKind : uint8_t { kProgram, kMap, kLink };
/// The id after `id`; 0 when there is none. Needs CAP_SYS_ADMIN.
[[nodiscard]] Result<uint32_t> next_id(ObjectKind kind, uint32_t id);
/// Nothing: it is gone. Needs CAP_SYS_ADMIN.
[[nodiscard]] Result<std::optional<FileDescriptor>> open_id(ObjectKind kind, uint32_t id);

/// libbpf says nothing on standard error by itself: what fails is reported where it is met.
void keep_libbpf_quiet();

/// Run times of all programs are measured until the descriptor is closed.
[[nodiscard]] Result<FileDescriptor> enable_statistics();

/// Returns when no packet that was under way when it was called is still in a program.
void wait_for_running_programs();

}  // namespace perilune::bpf
