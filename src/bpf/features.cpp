#include "bpf/features.h"

#include <algorithm>
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
#include "bpf/hook.h"
#include "bpf/prober.h"
#include "bpf/system_call.h"

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

/// r1: the packet; eight bytes of it into the stack.
bool has_xdp_load_bytes(Prober& ask) {
  const std::array<Insn, 8> insns{
      insn(kStoreWord, 10, 0, -8, 0), insn(kMove, 2, 0, 0, 0), insn(kCopy, 3, 10, 0, 0),
      insn(kAdd, 3, 0, 0, -8),        insn(kMove, 4, 0, 0, 8), insn(kCall, 0, 0, 0, BPF_FUNC_xdp_load_bytes),
      insn(kMove, 0, 0, 0, 2),        insn(kExit, 0, 0, 0, 0),
  };
  return static_cast<bool>(ask.loads(ProgramType::kXdp, insns, "copying out of packets at XDP"));
}

/// r6 = 0; do r6 += 1 while r6 < 4.
bool has_bounded_loops(Prober& ask) {
  const std::array<Insn, 5> insns{
      insn(kMove, 6, 0, 0, 0), insn(kAdd, 6, 0, 0, 1),  insn(BPF_JMP | BPF_JLT | BPF_K, 6, 0, -2, 4),
      insn(kMove, 0, 0, 0, 2), insn(kExit, 0, 0, 0, 0),
  };
  return static_cast<bool>(ask.loads(ProgramType::kXdp, insns, "bounded loops"));
}

/// A jump that goes on at the next instruction either way.
bool has_may_goto(Prober& ask) {
  // It jumps over an instruction: Linux 6.12 refuses one that goes to the next.
  const std::array<Insn, 4> insns{insn(kMayGoto, 0, 0, 1, 0), insn(kMove, BPF_REG_6, 0, 0, 1), insn(kMove, 0, 0, 0, 2),
                                  insn(kExit, 0, 0, 0, 0)};
  return static_cast<bool>(ask.loads(ProgramType::kXdp, insns, "may_goto"));
}

constexpr std::array<FeatureName, 14> kOthers{{
    {"xdp_fragments", "XDP on packets in several pieces (jumbo frames)", "5.18", &Features::xdp_fragments},
    {"clsact", "classifiers at tc", "4.5", &Features::clsact},
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

std::vector<FeatureName> make_list() {
  std::vector<FeatureName> list;
  for (const Hook* hook : kernel_hooks())
    list.push_back({hook->need().name, hook->need().what, hook->need().since, nullptr, hook});
  list.insert(list.end(), kOthers.begin(), kOthers.end());
  return list;
}

void forget(Features& features, std::string_view names) {
  while (!names.empty()) {
    const size_t comma = names.find(',');
    const std::string_view name = names.substr(0, comma);
    for (const FeatureName& feature : feature_list()) {
      if (feature.name == name) set(features, feature, false);
    }
    names = comma == std::string_view::npos ? std::string_view() : names.substr(comma + 1);
  }
}

}  // namespace

bool Features::has(const Hook& hook) const {
  return std::ranges::find(hooks, &hook) != hooks.end();
}

std::span<const FeatureName> feature_list() {
  static const std::vector<FeatureName> list = make_list();
  return list;
}

bool is_there(const Features& features, const FeatureName& feature) {
  return feature.hook != nullptr ? features.has(*feature.hook) : features.*feature.member;
}

void set(Features& features, const FeatureName& feature, bool there) {
  if (feature.hook == nullptr) {
    features.*feature.member = there;
    return;
  }
  std::erase(features.hooks, feature.hook);
  if (there) features.hooks.push_back(feature.hook);
}

Result<Features> probe_features() {
  Features found;
  Result<std::optional<std::string>> kernel_types = read_file("/sys/kernel/btf/vmlinux");
  if (!kernel_types) return tl::make_unexpected(kernel_types.error());
  Prober ask(std::move(*kernel_types).value_or(std::string()));
  for (const Hook* hook : kernel_hooks())
    if (hook->probe(ask)) found.hooks.push_back(hook);
  const FileDescriptor classifier = ask.loads(ProgramType::kSchedCls, "programs at tc");
  // Programs of some hooks are for everybody who has CAP_BPF; these need CAP_NET_ADMIN as well.
  found.permitted = classifier || ask.loads(ProgramType::kXdp, "XDP programs");
  if (!found.permitted) found.refusal = ask.refusal();
  found.xdp_fragments =
      static_cast<bool>(ask.loads(ProgramType::kXdp, "XDP fragments", AttachType::kNone, BPF_F_XDP_HAS_FRAGS));
  found.clsact = static_cast<bool>(classifier);
  found.chains = ask.makes_map("tables of programs", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1);
  found.ring_buffer = ask.makes_map("ring buffers", BPF_MAP_TYPE_RINGBUF, 0, 0, static_cast<uint32_t>(getpagesize()));
  found.xdp_load_bytes = has_xdp_load_bytes(ask);
  found.bounded_loops = has_bounded_loops(ask);
  found.bpf_loop = ask.knows_function(ProgramType::kXdp, BPF_FUNC_loop, "bpf_loop()");
  found.may_goto = has_may_goto(ask);
  // Packet dynptrs are made by functions of the kernel that programs find by its type information; the helper that
  // reads them came first.
  constexpr int32_t kDynptrRead = 201;
  found.packet_views = found.permitted && ask.knows_function(ProgramType::kXdp, kDynptrRead, "dynptrs") &&
                       ask.has_kernel_function("bpf_dynptr_from_xdp", false);
  found.lpm_maps = ask.makes_map("longest-prefix maps", BPF_MAP_TYPE_LPM_TRIE, 8, 8, 1, BPF_F_NO_PREALLOC);
  found.mapped_arrays = ask.makes_map("mapped arrays", BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_MMAPABLE);
  bpf_attr statistics{};
  statistics.enable_stats.type = BPF_STATS_RUN_TIME;
  found.run_statistics =
      static_cast<bool>(ask.descriptor(system_call(BPF_ENABLE_STATS, &statistics, sizeof statistics), "run times"));
  if (classifier) {
    const Result<ProgramInfo> info = program_info(classifier.get());
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
