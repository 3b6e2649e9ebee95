// One attachment of a filter on its way into the kernel: program loaded, pinned, attached, one step after the other.
//
// Pins of an attachment, in a folder of its own:
//   program, memory, events, tables      see program.h
//   what attaches it, by the hook (hooks/): link ...; chain
//   base, old_memory                     after a reload: see counters.h
//
// The program is pinned before it is attached, so that the command that clears an interrupted load away finds what was
// attached. An attachment that is given up is taken away by its pins, like any other (removal.cpp).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/hook.h"
#include "bpf/installation.h"
#include "bpf/interfaces.h"
#include "bpf/namespaces.h"
#include "bpf/pins.h"
#include "bpf/program.h"

namespace perilune::bpf {

class Preparation {
 public:
  /// Finds the place and loads the program for it. `shared`: maps to use again.
  [[nodiscard]] static Result<Preparation> make(const PinRoot& root, const Installation& installation,
                                                const ir::Image& image, const AttachPoint& point,
                                                std::span<const ReusableMap> shared, std::string* verifier_log);
  /// The same for the place of an attachment that is there, whose pins are in `old_folder`. Nothing: it is not attached
  /// any more, because its interface or namespace is gone.
  [[nodiscard]] static Result<std::optional<Preparation>> make_successor(
      const PinRoot& root, const Installation& installation, const ir::Image& image, const Attachment& old,
      const std::string& old_folder, std::span<const ReusableMap> shared, std::string* verifier_log);
  /// If it is the program with the id `successor` that packets meet there, they meet the old one again.
  [[nodiscard]] static Result<void> take_back(const PinRoot& root, const Attachment& old, const std::string& old_folder,
                                              uint32_t successor);

  /// Is it the same place as that of `other`?
  [[nodiscard]] bool same_place(const Preparation& other) const;
  /// Attaches a new one.
  [[nodiscard]] Result<void> attach(const PinRoot& root, const ir::Image& image, std::vector<std::string>& notes);
  /// Packets meet the new program from now on; and the old one again.
  [[nodiscard]] Result<void> swap_in();
  [[nodiscard]] Result<void> swap_back();
  /// Pins the program and what is its own into a new folder; a successor counts on.
  [[nodiscard]] Result<void> pin_program(const std::string& folder) const;
  /// Pins what attaches it.
  [[nodiscard]] Result<void> pin_links(const std::string& folder) const;

  [[nodiscard]] const Attachment& record() const { return record_; }
  /// Where it is, as people write it now, and what there is to remark on that (empty: nothing).
  [[nodiscard]] std::string place() const { return moved_to_.empty() ? to_string(record_.point) : moved_to_; }
  [[nodiscard]] const std::string& remark() const { return remark_; }
  [[nodiscard]] const LoadedProgram& program() const { return program_; }

 private:
  explicit Preparation(uint64_t netns) : netns_(netns) {}

  [[nodiscard]] Result<void> load_program(const Installation& installation, const ir::Image& image,
                                          std::span<const ReusableMap> shared, std::string* verifier_log);
  [[nodiscard]] Result<bool> take_links(const PinRoot& root);
  [[nodiscard]] Result<void> put(int program);
  void count_insns();

  uint64_t netns_;
  Attachment record_;
  LoadedProgram program_;
  std::unique_ptr<Placement> placement_;
  FileDescriptor old_program_;  // of a successor
  std::string old_folder_;      // likewise
  std::string moved_to_;        // likewise: its place, where record_ names another one
  std::string remark_;          // likewise
};

}  // namespace perilune::bpf
