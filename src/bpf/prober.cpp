#include "bpf/prober.h"

#include <array>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "bpf/tiny_program.h"

namespace perilune::bpf {
namespace {

constexpr const char* kProbeName = "perilune_probe";

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

}  // namespace

bool Prober::yes(long result, std::string_view what, int expected) {
  const int code = static_cast<int>(-result);
  if (code == expected) return true;
  if (!means_missing(code) && sound_) {
    sound_ = tl::make_unexpected(errno_error(fmt::format("find out whether this kernel has {}", what), code).value());
  }
  return false;
}

FileDescriptor Prober::descriptor(long result, std::string_view what) {
  if (result >= 0) return FileDescriptor(static_cast<int>(result));
  (void)yes(result, what, 0);
  return {};
}

FileDescriptor Prober::loads(ProgramType type, std::string_view what, AttachType attach, uint32_t flags) {
  constexpr std::array<ir::Insn, 2> kReturnOne{
      {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
  return loads(type, kReturnOne, what, attach, flags);
}

FileDescriptor Prober::loads(ProgramType type, std::span<const ir::Insn> insns, std::string_view what,
                             AttachType attach, uint32_t flags) {
  TinyProgram program;
  program.type = type;
  program.attach = attach;
  program.insns = insns;
  program.name = kProbeName;
  program.flags = flags;
  const long result = try_tiny(program);
  if (result < 0 && refusal_ == 0) refusal_ = static_cast<int>(-result);
  return descriptor(result, what);
}

bool Prober::knows_function(ProgramType type, int32_t function, std::string_view what) {
  const std::array<ir::Insn, 3> insns{{{BPF_JMP | BPF_CALL, 0, 0, 0, function},
                                       {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0},
                                       {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
  TinyProgram program;
  program.type = type;
  program.insns = insns;
  program.name = kProbeName;
  std::string log;
  const FileDescriptor fd = descriptor(try_tiny(program, &log), what);
  return fd || (log.find("invalid func") == std::string::npos && log.find("unknown func") == std::string::npos &&
                !log.empty());
}

bool Prober::knows_link(LinkCreate create, int expected, std::string_view what) {
  return yes(create_link(create), what, expected);
}

bool Prober::makes_map(std::string_view what, uint32_t type, uint32_t key, uint32_t value, uint32_t entries,
                       uint32_t flags) {
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.map_flags = flags;
  return static_cast<bool>(
      descriptor(bpf_map_create(static_cast<bpf_map_type>(type), kProbeName, key, value, entries, &options), what));
}

bool Prober::has_kernel_function(std::string_view name, bool unless_known) const {
  if (kernel_types_.empty()) return unless_known;
  return kernel_types_.find(fmt::format("{0}{1}{0}", '\0', name)) != std::string::npos;
}

}  // namespace perilune::bpf
