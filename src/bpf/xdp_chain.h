// Several filters at one interface's XDP hook. The kernel takes one program there: ours is an entry that jumps into a
// table. Each filter that lets a packet pass jumps on to the entry of the table behind its own; the last one finds
// nothing there, and the packet goes to the stack.
//
//   link ─► entry ─► table[0] ssh ─pass─► table[1] rate ─pass─► table[2] (nothing): XDP_PASS
//
// The filter in a place is replaced by one write into the table, which packets see at once. A filter that leaves from
// the middle leaves an entry behind that jumps over its place.
// Constant indices and a constant table let the kernel's JIT make direct jumps of all this.
#pragma once

#include <cstdint>
#include <string>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "bpf/attach.h"
#include "bpf/pins.h"

namespace perilune::bpf {

/// Called with the interface's namespace entered and the folder of pins locked.
class XdpChain {
 public:
  /// The chain at the interface, if there is one and it is alive.
  [[nodiscard]] static Result<XdpChain> open(const PinRoot& root, uint64_t netns, uint32_t ifindex);
  /// The one there is, or a new one: an empty table, not attached yet.
  [[nodiscard]] static Result<XdpChain> open_or_create(const PinRoot& root, uint64_t netns, uint32_t ifindex);

  [[nodiscard]] int table() const { return table_.get(); }
  /// The place behind all that are used; kChainLength or more: the table is full.
  [[nodiscard]] uint32_t free_place() const;

  /// Puts the program there and, when it is the first one, attaches and pins the chain. `mode` and `why_generic` of the
  /// result tell how the chain is attached; its descriptor is empty.
  [[nodiscard]] Result<XdpLink> add(uint32_t place, int program, const std::string& interface);
  [[nodiscard]] Result<void> replace(uint32_t place, int program);
  /// Takes the program with this id out of its place; another one there stays. The chain itself goes with its last
  /// filter.
  [[nodiscard]] Result<void> remove(uint32_t place, uint32_t program_id);
  /// Is the program with this id reached by packets?
  [[nodiscard]] bool runs(uint32_t place, uint32_t program_id) const;
  /// Id of the program that is attached: the entry to the chain.
  [[nodiscard]] uint32_t entry_id() const;
  /// Takes a program out of the chain in that folder, alive or not; it need not be in it.
  [[nodiscard]] static Result<void> remove_program(const std::string& folder, uint32_t program_id);
  /// Detaches the chain in that folder and takes it away with all that is in it.
  [[nodiscard]] static Result<void> destroy(const std::string& folder);

 private:
  XdpChain(std::string path, uint32_t ifindex) : path_(std::move(path)), ifindex_(ifindex) {}
  [[nodiscard]] static Result<XdpChain> open_folder(const std::string& folder, uint32_t ifindex);
  [[nodiscard]] bool is_entry(uint32_t place) const;
  [[nodiscard]] Result<void> remove_if_empty();

  std::string path_;
  uint32_t ifindex_;
  FileDescriptor table_;
  FileDescriptor link_;  // invalid: not attached
};

/// How the interface's XDP program is attached now; the kernel knows.
[[nodiscard]] XdpMode present_xdp_mode(uint32_t ifindex);

/// A name in the folder of pins that belongs to a chain.
[[nodiscard]] bool is_chain_folder(std::string_view name);

}  // namespace perilune::bpf
