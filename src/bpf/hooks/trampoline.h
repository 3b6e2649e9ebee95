// What hooks share whose attachments cannot be given another program: what is attached is an entry that jumps into a
// table of one program, and that is replaced there.
#pragma once

#include <optional>
#include <string>

#include "bpf/hook.h"

namespace perilune::bpf {

class Trampoline {
 public:
  Trampoline() = default;

  /// A new entry, which jumps to `program`.
  [[nodiscard]] static Result<Trampoline> make(const ProgramKind& kind, int program);
  /// The one whose table is pinned in the folder, without its entry. Nothing: there is none.
  [[nodiscard]] static Result<std::optional<Trampoline>> find(const std::string& folder);

  /// Of a new one: what is to be attached.
  [[nodiscard]] const FileDescriptor& entry() const { return entry_; }
  /// Id of the program that the entry jumps to; 0: none.
  [[nodiscard]] Result<uint32_t> running() const;
  [[nodiscard]] Result<void> put(int program);
  /// Pins the table.
  [[nodiscard]] Result<void> pin(const std::string& folder) const;

 private:
  explicit Trampoline(FileDescriptor table) : table_(std::move(table)) {}

  FileDescriptor table_;
  FileDescriptor entry_;
};

}  // namespace perilune::bpf
