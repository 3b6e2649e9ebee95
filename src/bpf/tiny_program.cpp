#include "bpf/tiny_program.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "bpf/hook.h"

namespace perilune::bpf {
namespace {

constexpr const char* kLicence = "Dual BSD/GPL";

}  // namespace

long try_tiny(const TinyProgram& program, std::string* log) {
  constexpr size_t kLogSize = 16'384;
  std::string room(log != nullptr ? kLogSize : 0, '\0');
  bpf_attr attributes{};
  attributes.prog_type = static_cast<uint32_t>(program.type);
  attributes.expected_attach_type = static_cast<uint32_t>(program.attach);
  attributes.insns = reinterpret_cast<uintptr_t>(program.insns.data());
  attributes.insn_cnt = static_cast<uint32_t>(program.insns.size());
  attributes.license = reinterpret_cast<uintptr_t>(kLicence);
  attributes.prog_flags = program.flags;
  std::copy_n(program.name.data(), std::min<size_t>(program.name.size(), BPF_OBJ_NAME_LEN - 1), attributes.prog_name);
  if (log != nullptr) {
    attributes.log_buf = reinterpret_cast<uintptr_t>(room.data());
    attributes.log_size = kLogSize;
    attributes.log_level = 1;
  }
  const long fd = system_call(BPF_PROG_LOAD, &attributes, sizeof attributes);
  if (log != nullptr) *log = room.c_str();
  return fd;
}

Result<FileDescriptor> load_tiny(const TinyProgram& program, std::string* log) {
  const long fd = try_tiny(program, log);
  if (fd < 0) return errno_error(fmt::format("load the program '{}'", program.name), static_cast<int>(-fd));
  return FileDescriptor(static_cast<int>(fd));
}

Result<FileDescriptor> create_chain() {
  const int fd =
      bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, kChainName, sizeof(uint32_t), sizeof(uint32_t), kChainLength, nullptr);
  if (fd < 0) return errno_error("make a table of programs in the kernel", errno);
  return FileDescriptor(fd);
}

Result<void> set_chain(int chain, uint32_t index, int program) {
  const auto value = static_cast<uint32_t>(program);
  if (bpf_map_update_elem(chain, &index, &value, BPF_ANY) != 0) {
    return errno_error(fmt::format("put the filter into entry {} of its table of programs", index), errno);
  }
  return {};
}

Result<void> clear_chain(int chain, uint32_t index) {
  if (bpf_map_delete_elem(chain, &index) != 0 && errno != ENOENT) {
    return errno_error(fmt::format("empty entry {} of a table of programs", index), errno);
  }
  return {};
}

Result<uint32_t> chain_program(int chain, uint32_t index) {
  uint32_t id = 0;
  if (bpf_map_lookup_elem(chain, &index, &id) == 0) return id;
  if (errno == ENOENT) return 0U;
  return errno_error(fmt::format("look at entry {} of a table of programs", index), errno);
}

Result<FileDescriptor> load_entry(const ProgramKind& kind, int chain, uint32_t index) {
  constexpr uint8_t kLoadImmediate = BPF_LD | BPF_DW;  // BPF_IMM is 0
  constexpr uint8_t kMove = BPF_ALU64 | BPF_MOV | BPF_K;
  // bpf_tail_call(ctx, &chain, index); return PASS;
  // r1 holds the context already. A constant index and table make the jump a direct one.
  const std::array<ir::Insn, 6> insns{{
      {kLoadImmediate, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, chain},
      {0, 0, 0, 0, 0},
      {kMove, BPF_REG_3, 0, 0, static_cast<int32_t>(index)},
      {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call},
      {kMove, BPF_REG_0, 0, 0, kind.pass},
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  }};
  TinyProgram program;
  program.type = kind.type;
  program.attach = kind.attach;
  program.insns = insns;
  program.name = kEntryName;
  program.flags = kind.flags;
  return load_tiny(program);
}

}  // namespace perilune::bpf
