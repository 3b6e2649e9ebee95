// Programs of a few instructions, written here by hand: entries that hand packets on, and probes.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "bpf/system_call.h"
#include "ir/code.h"

namespace perilune::bpf {

struct ProgramKind;

struct TinyProgram {
  ProgramType type = ProgramType::kXdp;
  AttachType attach = AttachType::kNone;
  std::span<const ir::Insn> insns;
  std::string name;  // at most 15 characters
  uint32_t flags = 0;
};

/// `log` gets the verifier's words when given.
[[nodiscard]] Result<FileDescriptor> load_tiny(const TinyProgram& program, std::string* log = nullptr);

/// The same; a descriptor of the caller's own, or -errno.
[[nodiscard]] long try_tiny(const TinyProgram& program, std::string* log = nullptr);

/// The number of programs in a table that entries jump through.
inline constexpr uint32_t kChainLength = 32;

/// A table of programs (BPF_MAP_TYPE_PROG_ARRAY) of kChainLength entries.
[[nodiscard]] Result<FileDescriptor> create_chain();
/// Puts a program into the table; every packet from now on goes there.
[[nodiscard]] Result<void> set_chain(int chain, uint32_t index, int program);
[[nodiscard]] Result<void> clear_chain(int chain, uint32_t index);
/// Id of the program there; 0: none.
[[nodiscard]] Result<uint32_t> chain_program(int chain, uint32_t index);

/// A program that jumps to `index` of the table, or passes the packet when nothing is there. What is attached is such
/// an entry: the filter behind it can be replaced without touching the attachment.
[[nodiscard]] Result<FileDescriptor> load_entry(const ProgramKind& kind, int chain, uint32_t index);

/// The name of every entry, by which `list` knows it.
inline constexpr const char* kEntryName = "perilune_entry";
inline constexpr const char* kChainName = "perilune_chain";

}  // namespace perilune::bpf
