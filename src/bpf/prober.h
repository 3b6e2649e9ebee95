// Asking the kernel what it can do: with programs of a few instructions that nothing runs, with links to places that do
// not exist, with maps of one entry. Nothing is attached, and nothing stays.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "bpf/attach.h"
#include "bpf/system_call.h"
#include "ir/code.h"

namespace perilune::bpf {

/// `what` is the feature's name for people, in errors. An answer that says nothing about the kernel, such as "no
/// memory", counts as no, and the first one is kept for sound().
class Prober {
 public:
  /// `kernel_types` are the kernel's own type information as they are in the file; empty: it has none.
  explicit Prober(std::string kernel_types) : kernel_types_(std::move(kernel_types)) {}

  [[nodiscard]] const Result<void>& sound() const { return sound_; }
  /// The errno of the first program that was not loaded; 0: none was refused.
  [[nodiscard]] int refusal() const { return refusal_; }

  /// A program that returns 1, or the one given; none: the kernel does not take it.
  FileDescriptor loads(ProgramType type, std::string_view what, AttachType attach = AttachType::kNone,
                       uint32_t flags = 0);
  FileDescriptor loads(ProgramType type, std::span<const ir::Insn> insns, std::string_view what,
                       AttachType attach = AttachType::kNone, uint32_t flags = 0);
  /// Kernels refuse calls of functions they do not know with other words than calls with wrong arguments.
  bool knows_function(ProgramType type, int32_t function, std::string_view what);
  /// A link to a place that does not exist is known when the kernel finds fault with the place, by the errno
  /// `expected`, instead of with the kind of link.
  bool knows_link(LinkCreate create, int expected, std::string_view what);
  bool makes_map(std::string_view what, uint32_t type, uint32_t key, uint32_t value, uint32_t entries,
                 uint32_t flags = 0);
  /// Does the kernel have a function of this name? A kernel without type information does not say: then the result is
  /// `unless_known`.
  [[nodiscard]] bool has_kernel_function(std::string_view name, bool unless_known) const;
  /// Of a system call's result: a descriptor, or -errno.
  FileDescriptor descriptor(long result, std::string_view what);

 private:
  bool yes(long result, std::string_view what, int expected);

  std::string kernel_types_;
  Result<void> sound_;
  int refusal_ = 0;
};

}  // namespace perilune::bpf
