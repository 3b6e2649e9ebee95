// Network interfaces of the current namespace, as the kernel tells them (rtnetlink).
//
// An interface has a name of at most 15 bytes and any number of alternative names (`ip link property add`), which
// people use like the first; packets carry its index. All of them can change while a program looks, so code that keeps
// one asks again before relying on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace perilune::bpf {

struct Interface {
  uint32_t index = 0;
  std::string name;
  std::vector<std::string> alternatives;
  uint16_t hardware = 0;     // how frames begin: an ARPHRD_ value
  uint32_t xdp_program = 0;  // id of the program attached at XDP; 0: none
  uint8_t xdp_attached = 0;  // how: XDP_ATTACHED_ value
  bool is_veth = false;
  uint32_t peer = 0;                  // of a veth: index of the other end; 0: not known
  std::optional<int32_t> peer_netns;  // the current namespace's id of the one that the other end is in; none: the same
};

[[nodiscard]] Result<std::vector<Interface>> interfaces();
/// Nothing: there is no interface with this index.
[[nodiscard]] Result<std::optional<Interface>> interface_at(uint32_t index);
/// The other end of a veth pair, in whichever namespace it is. Nothing: it is none, or cannot be seen from here.
[[nodiscard]] Result<std::optional<Interface>> other_end(const Interface& veth);
/// By its name or one of its alternative names. An unknown name is the user's fault; the hint has those there are.
/// `netns` is how the current namespace is called in messages; empty: not at all.
[[nodiscard]] Result<Interface> find_interface(const std::string& name, const std::string& netns = {});

}  // namespace perilune::bpf
