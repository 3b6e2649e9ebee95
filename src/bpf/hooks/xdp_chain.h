// Several filters at one interface's XDP hook. The kernel takes one program there: ours is an entry that jumps into a
// table. Each filter that lets a packet pass jumps on to the entry of the table after its own; the last one finds
// nothing there, and the packet goes to the stack.
//
//   link ─► entry ─► table[0] ssh ─pass─► table[1] rate ─pass─► table[2] (nothing): XDP_PASS
//
// The filter in a place is replaced by one write into the table, which packets see at once. A filter that leaves from
// the middle leaves an entry behind that jumps over its place.
// Constant indices and a constant table let the kernel's JIT make direct jumps of all this.
//
// A chain is pinned as a folder, and known by what it is, never by the folder's name: the chain at an interface is the
// one whose entry the kernel says is attached there, and the chain of a filter is the one whose table holds its
// program. Interfaces are renamed, move to other namespaces with their chain, and leave their index to others.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "bpf/attach.h"
#include "bpf/interfaces.h"
#include "bpf/pins.h"
#include "bpf/system_call.h"

namespace perilune::bpf {

struct ProgramKind;

/// What the programs in a chain are, and the entry in front of them. `runtime` is what filters are joined to.
[[nodiscard]] ProgramKind xdp_programs(std::span<const uint8_t> runtime = {});

/// Called with the folder of pins locked, unless nothing is changed.
class XdpChain {
 public:
  /// The chain that is attached to this interface of the current namespace. Nothing: none of ours is.
  [[nodiscard]] static Result<std::optional<XdpChain>> at(const PinRoot& root, const Interface& interface);
  /// The one there is, or a new one: an empty table, not attached yet.
  [[nodiscard]] static Result<XdpChain> at_or_new(const PinRoot& root, const Interface& interface);
  /// The chain whose table has the program with this id in that place, attached or not.
  [[nodiscard]] static Result<std::optional<XdpChain>> of_program(const PinRoot& root, uint32_t program_id,
                                                                  uint32_t place);

  [[nodiscard]] int table() const { return table_.get(); }
  /// The place after all that are used; kChainLength or more: the table is full.
  [[nodiscard]] Result<uint32_t> free_place() const;
  /// What the kernel says about the link; `ifindex` is 0 when the interface is gone. Not of a new chain.
  [[nodiscard]] Result<LinkInfo> link() const { return link_info(link_.get()); }

  /// Puts the program there and, when it is the first one, attaches and pins the chain. `mode` and `why_generic` of the
  /// result tell how the chain is attached; its descriptor is empty.
  [[nodiscard]] Result<XdpLink> add(const PinRoot& root, uint32_t place, int program, const Interface& interface);
  [[nodiscard]] Result<void> replace(uint32_t place, int program);
  /// Id of the program there; 0: none.
  [[nodiscard]] Result<uint32_t> program_at(uint32_t place) const;
  /// Takes unwanted programs out of all chains, and takes away chains that were left without a program.
  [[nodiscard]] static Result<void> remove_programs(const PinRoot& root,
                                                    const std::function<bool(uint32_t program_id)>& unwanted);
  /// Detaches the chain in that folder and takes it away with all that is in it.
  [[nodiscard]] static Result<void> destroy(const std::string& folder);

 private:
  explicit XdpChain(std::string path) : path_(std::move(path)) {}
  /// Nothing: it is half made or half removed.
  [[nodiscard]] static Result<std::optional<XdpChain>> open(const std::string& folder);
  /// Calls `visit` for each chain until it says true; `visit_broken`, when there is one, with the folder of each that
  /// is half made or half removed.
  [[nodiscard]] static Result<void> each(
      const PinRoot& root, const std::function<Result<bool>(XdpChain& chain)>& visit,
      const std::function<Result<void>(const std::string& folder)>& visit_broken = nullptr);
  /// The same for the programs of this chain.
  [[nodiscard]] Result<void> remove_programs(const std::function<bool(uint32_t program_id)>& unwanted);
  [[nodiscard]] Result<bool> only_jumps_on(uint32_t place) const;
  [[nodiscard]] Result<void> remove(uint32_t place);
  [[nodiscard]] Result<void> remove_if_empty();

  std::string path_;  // empty: not pinned yet
  FileDescriptor table_;
  FileDescriptor link_;  // invalid: not attached
};

/// How the interface's XDP program is attached.
[[nodiscard]] XdpMode xdp_mode(const Interface& interface);

/// A name in the folder of pins that belongs to a chain.
[[nodiscard]] bool is_chain_folder(std::string_view name);

}  // namespace perilune::bpf
