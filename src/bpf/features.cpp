#include "bpf/features.h"

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <unistd.h>

#include "base/capabilities.h"
#include "base/files.h"
#include "bpf/system_call.h"
#include "bpf/tiny_program.h"

namespace perilune::bpf {
namespace {

using ir::Insn;

constexpr uint8_t kMove = BPF_ALU64 | BPF_MOV | BPF_K;
constexpr uint8_t kCopy = BPF_ALU64 | BPF_MOV | BPF_X;
constexpr uint8_t kAdd = BPF_ALU64 | BPF_K;  // BPF_ADD is 0
constexpr uint8_t kCall = BPF_JMP | BPF_CALL;
constexpr uint8_t kExit = BPF_JMP | BPF_EXIT;
constexpr uint8_t kMayGoto = BPF_JMP | 0xe0;  // BPF_JCOND, of kernels newer than our headers
constexpr uint8_t kStoreWord = BPF_ST | BPF_MEM | BPF_DW;

constexpr Insn insn(uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm) {
  return {code, static_cast<uint8_t>(dst & 15U), static_cast<uint8_t>(src & 15U), off, imm};
}
constexpr std::array<Insn, 2> kReturnOne{insn(kMove, 0, 0, 0, 1), insn(kExit, 0, 0, 0, 0)};

/// Does the kernel say by this that it does not know what it was asked for, or that this process may not ask? Anything
/// else, such as no memory or no free descriptor, says nothing about the kernel.
bool means_missing(int code) {
  switch (code) {
    case EINVAL:
    case E2BIG:   // of newer fields of bpf(2), and of the verifier
    case EACCES:  // of the verifier
    case EPERM:
    case ENOSYS:
    case EOPNOTSUPP:
    case 524:  // ENOTSUPP, which is for the kernel alone
      return true;
    default:
      return false;
  }
}

/// Asks one question after the other. The first answer that says nothing about the kernel is kept.
class Prober {
 public:
  [[nodiscard]] const Result<void>& sound() const { return sound_; }
  void note(const Error& error) {
    if (sound_) sound_ = tl::make_unexpected(error);
  }
  /// Of a call's result: a descriptor, or -errno.
  FileDescriptor descriptor(long result, std::string_view what) {
    if (result >= 0) return FileDescriptor(static_cast<int>(result));
    (void)yes(result, what, 0);
    return {};
  }
  /// `expected` is the errno by which the kernel shows that it knows the question.
  bool yes(long result, std::string_view what, int expected) {
    const int code = static_cast<int>(-result);
    if (code == expected) return true;
    if (!means_missing(code)) note(errno_error(fmt::format("find out whether this kernel has {}", what), code).value());
    return false;
  }

  FileDescriptor loads(ProgramType type, std::span<const Insn> insns, std::string_view what, uint32_t flags = 0) {
    TinyProgram program;
    program.type = type;
    program.attach = type == ProgramType::kNetfilter ? AttachType::kNetfilter : AttachType::kNone;
    program.insns = insns;
    program.name = "perilune_probe";
    program.flags = flags;
    const long result = try_tiny(program);
    if (result < 0 && refusal_ == 0) refusal_ = static_cast<int>(-result);
    return descriptor(result, what);
  }
  /// The errno of the first program that was not loaded; 0: none was refused.
  [[nodiscard]] int refusal() const { return refusal_; }

  /// Links at a hook are known when the kernel finds fault with the target instead of the kind of link: no interface
  /// has this number. Attaches nothing.
  bool knows_link(int program, AttachType type, std::string_view what) {
    constexpr uint32_t kNoInterface = 0x7fffffff;
    struct {
      uint32_t program;
      uint32_t target;
      uint32_t attach_type;
      uint32_t flags;
      uint64_t room[4];
    } create{static_cast<uint32_t>(program), kNoInterface, static_cast<uint32_t>(type), 0, {}};
    return yes(system_call(BPF_LINK_CREATE, &create, sizeof create), what, ENODEV);
  }

  /// The same for netfilter: a family that does not exist gives EAFNOSUPPORT from the code that makes links; EINVAL
  /// comes from kernels without it.
  bool knows_netfilter_link(int program) {
    constexpr uint32_t kNoFamily = 250;
    struct {
      uint32_t program;
      uint32_t target;
      uint32_t attach_type;
      uint32_t flags;
      uint32_t family;
      uint32_t hook;
      int32_t priority;
      uint32_t netfilter_flags;
      uint64_t room[2];
    } create{
        static_cast<uint32_t>(program), 0, static_cast<uint32_t>(AttachType::kNetfilter), 0, kNoFamily, 0, 0, 0, {}};
    return yes(system_call(BPF_LINK_CREATE, &create, sizeof create), "netfilter links", EAFNOSUPPORT);
  }

  bool map_can_be_made(std::string_view what, bpf_map_type type, uint32_t key, uint32_t value, uint32_t entries,
                       uint32_t flags = 0) {
    bpf_map_create_opts options{};
    options.sz = sizeof options;
    options.map_flags = flags;
    return static_cast<bool>(descriptor(bpf_map_create(type, "perilune_probe", key, value, entries, &options), what));
  }

  /// r1: the packet; eight bytes of it into the stack.
  bool has_xdp_load_bytes() {
    const std::array<Insn, 8> insns{
        insn(kStoreWord, 10, 0, -8, 0), insn(kMove, 2, 0, 0, 0), insn(kCopy, 3, 10, 0, 0),
        insn(kAdd, 3, 0, 0, -8),        insn(kMove, 4, 0, 0, 8), insn(kCall, 0, 0, 0, BPF_FUNC_xdp_load_bytes),
        insn(kMove, 0, 0, 0, 2),        insn(kExit, 0, 0, 0, 0),
    };
    return static_cast<bool>(loads(ProgramType::kXdp, insns, "copying out of packets at XDP"));
  }

  /// r6 = 0; do r6 += 1 while r6 < 4.
  bool has_bounded_loops() {
    const std::array<Insn, 5> insns{
        insn(kMove, 6, 0, 0, 0), insn(kAdd, 6, 0, 0, 1),  insn(BPF_JMP | BPF_JLT | BPF_K, 6, 0, -2, 4),
        insn(kMove, 0, 0, 0, 2), insn(kExit, 0, 0, 0, 0),
    };
    return static_cast<bool>(loads(ProgramType::kXdp, insns, "bounded loops"));
  }

  /// A jump that goes on at the next instruction either way.
  bool has_may_goto() {
    // It jumps over an instruction: Linux 6.12 refuses one that goes to the next.
    const std::array<Insn, 4> insns{insn(kMayGoto, 0, 0, 1, 0), insn(kMove, BPF_REG_6, 0, 0, 1),
                                    insn(kMove, 0, 0, 0, 2), insn(kExit, 0, 0, 0, 0)};
    return static_cast<bool>(loads(ProgramType::kXdp, insns, "may_goto"));
  }

  /// Kernels refuse calls of functions they do not know with other words than calls with wrong arguments.
  bool knows_function(ProgramType type, int32_t function, std::string_view what) {
    const std::array<Insn, 3> insns{insn(kCall, 0, 0, 0, function), insn(kMove, 0, 0, 0, 0), insn(kExit, 0, 0, 0, 0)};
    TinyProgram program;
    program.type = type;
    program.insns = insns;
    program.name = "perilune_probe";
    std::string log;
    const FileDescriptor fd = descriptor(try_tiny(program, &log), what);
    return fd || (log.find("invalid func") == std::string::npos && log.find("unknown func") == std::string::npos &&
                  !log.empty());
  }

 private:
  Result<void> sound_;
  int refusal_ = 0;
};

/// The kernel's own type information, where programs find its functions; empty: it has none. Read at once and searched
/// for names: taking it apart costs a hundred times as much.
using KernelFunctions = std::string;

bool has_function(const KernelFunctions& types, std::string_view name) {
  const std::string word = fmt::format("{0}{1}{0}", '\0', name);
  return types.find(word) != std::string::npos;
}

constexpr std::array<FeatureName, 17> kList{{
    {"xdp", "XDP programs and links", "5.9", &Features::xdp},
    {"xdp_fragments", "XDP on packets in several pieces (jumbo frames)", "5.18", &Features::xdp_fragments},
    {"tcx", "links at tc", "6.6", &Features::tcx},
    {"clsact", "classifiers at tc", "4.5", &Features::clsact},
    {"netfilter", "netfilter programs and links", "6.4", &Features::netfilter},
    {"chains", "tables of programs", "4.2", &Features::chains},
    {"ring_buffer", "ring buffers (events)", "5.8", &Features::ring_buffer},
    {"xdp_load_bytes", "copying out of packets at XDP", "5.18", &Features::xdp_load_bytes},
    {"bounded_loops", "bounded loops", "5.3", &Features::bounded_loops},
    {"bpf_loop", "bpf_loop()", "5.17", &Features::bpf_loop},
    {"may_goto", "loops without a proof (may_goto)", "6.9", &Features::may_goto},
    {"packet_views", "dynptrs on packets", "6.4", &Features::packet_views},
    {"lpm_maps", "longest-prefix maps", "4.11", &Features::lpm_maps},
    {"mapped_arrays", "arrays in the memory of user space", "5.5", &Features::mapped_arrays},
    {"run_statistics", "run times (stats --watch)", "5.8", &Features::run_statistics},
    {"verifier_numbers", "how much the verifier worked", "5.16", &Features::verifier_numbers},
    {"jit", "machine code", "3.16", &Features::jit},
}};

void forget(Features& features, std::string_view names) {
  while (!names.empty()) {
    const size_t comma = names.find(',');
    const std::string_view name = names.substr(0, comma);
    for (const FeatureName& feature : kList) {
      if (feature.name == name) features.*feature.member = false;
    }
    names = comma == std::string_view::npos ? std::string_view() : names.substr(comma + 1);
  }
}

}  // namespace

std::span<const FeatureName> feature_list() {
  return kList;
}

Result<Features> probe_features() {
  Features found;
  const Result<std::optional<std::string>> kernel_types = read_file("/sys/kernel/btf/vmlinux");
  if (!kernel_types) return tl::make_unexpected(kernel_types.error());
  const KernelFunctions types = kernel_types->value_or(KernelFunctions());
  Prober ask;
  const FileDescriptor xdp = ask.loads(ProgramType::kXdp, kReturnOne, "XDP programs");
  const FileDescriptor classifier = ask.loads(ProgramType::kSchedCls, kReturnOne, "programs at tc");
  const FileDescriptor netfilter = ask.loads(ProgramType::kNetfilter, kReturnOne, "netfilter programs");
  found.permitted = xdp || classifier;
  if (!found.permitted) found.refusal = ask.refusal();
  // A wrong interface gives the same errno at XDP as a kernel without links: ask for the function that makes them.
  found.xdp = xdp && (types.empty() || has_function(types, "bpf_xdp_link_attach"));
  found.xdp_fragments =
      static_cast<bool>(ask.loads(ProgramType::kXdp, kReturnOne, "XDP fragments", BPF_F_XDP_HAS_FRAGS));
  found.tcx = classifier && ask.knows_link(classifier.get(), AttachType::kTcxIngress, "links at tc");
  found.clsact = static_cast<bool>(classifier);
  found.netfilter = netfilter && ask.knows_netfilter_link(netfilter.get());
  found.chains = ask.map_can_be_made("tables of programs", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1);
  found.ring_buffer =
      ask.map_can_be_made("ring buffers", BPF_MAP_TYPE_RINGBUF, 0, 0, static_cast<uint32_t>(getpagesize()));
  found.xdp_load_bytes = ask.has_xdp_load_bytes();
  found.bounded_loops = ask.has_bounded_loops();
  found.bpf_loop = ask.knows_function(ProgramType::kXdp, BPF_FUNC_loop, "bpf_loop()");
  found.may_goto = ask.has_may_goto();
  // Packet dynptrs are made by functions of the kernel that programs find by its type information; the helper that
  // reads them came first.
  constexpr int32_t kDynptrRead = 201;
  found.packet_views = found.permitted && ask.knows_function(ProgramType::kXdp, kDynptrRead, "dynptrs") &&
                       has_function(types, "bpf_dynptr_from_xdp");
  found.lpm_maps = ask.map_can_be_made("longest-prefix maps", BPF_MAP_TYPE_LPM_TRIE, 8, 8, 1, BPF_F_NO_PREALLOC);
  found.mapped_arrays = ask.map_can_be_made("mapped arrays", BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_MMAPABLE);
  bpf_attr statistics{};
  statistics.enable_stats.type = BPF_STATS_RUN_TIME;
  found.run_statistics =
      static_cast<bool>(ask.descriptor(system_call(BPF_ENABLE_STATS, &statistics, sizeof statistics), "run times"));
  if (xdp) {
    const Result<ProgramInfo> info = program_info(xdp.get());
    if (!info) return tl::make_unexpected(info.error());
    found.verifier_numbers = info->verified != 0;
    found.jit = info->machine_bytes != 0;
  }
  if (!ask.sound()) return tl::make_unexpected(ask.sound().error());
  if (const char* without = std::getenv("PERILUNE_WITHOUT"); without != nullptr) forget(found, without);
  return found;
}

Error not_permitted(const Features& features) {
  std::string hint = capability_hint({CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON});
  if (hint.empty()) {
    hint = fmt::format(
        "it has the capabilities, yet bpf(2) says {}: a container, a lockdown or the kernel's configuration "
        "forbids it",
        strerrorname_np(features.refusal));
  }
  return {Fault::kSystem, "this process may not load programs into the kernel", std::move(hint)};
}

}  // namespace perilune::bpf
