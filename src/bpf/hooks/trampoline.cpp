#include "bpf/hooks/trampoline.h"

#include "bpf/tiny_program.h"

namespace perilune::bpf {
namespace {

constexpr const char* kTable = "/chain";

}  // namespace

Result<Trampoline> Trampoline::make(const ProgramKind& kind, int program) {
  Result<FileDescriptor> table = create_chain();
  if (!table) return tl::make_unexpected(table.error());
  Trampoline made(std::move(*table));
  if (const Result<void> set = made.put(program); !set) return tl::make_unexpected(set.error());
  Result<FileDescriptor> entry = load_entry(kind, made.table_.get(), 0);
  if (!entry) return tl::make_unexpected(entry.error());
  made.entry_ = std::move(*entry);
  return made;
}

Result<std::optional<Trampoline>> Trampoline::find(const std::string& folder) {
  Result<std::optional<FileDescriptor>> table = find_pin(folder + kTable);
  if (!table) return tl::make_unexpected(table.error());
  if (!*table) return std::optional<Trampoline>();
  return std::optional<Trampoline>(Trampoline(std::move(**table)));
}

Result<uint32_t> Trampoline::running() const {
  return chain_program(table_.get(), 0);
}

Result<void> Trampoline::put(int program) {
  return set_chain(table_.get(), 0, program);
}

Result<void> Trampoline::pin(const std::string& folder) const {
  return bpf::pin(table_.get(), folder + kTable);
}

}  // namespace perilune::bpf
