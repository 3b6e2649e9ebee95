// `pkt`, the third argument of a packet script: facts about the packet, views on its parts, and what can be set.
//
// Facts (addresses, ports, length...) describe the packet as it arrived; what a script writes through views does not
// change them. Views show the packet as it is now. A `pkt` kept after its packet raises "this packet is gone".
#pragma once

#include <lua.h>

#include "luadata/memory.h"
#include "script/packet/packet_memory.h"

namespace perilune::script {

/// What views and `pkt` objects find the packet through. Lives in a userdata of the state, because they may outlive the
/// binding: a finalizer that runs when the state closes may still hold one.
struct PacketAnchor {
  PacketMemory* packet = nullptr;  // null: the binding is gone
  luadata::Memory memory;
};

/// Makes the metatable of `pkt` for this state. `anchor` is the stack index of the PacketAnchor. Raises when memory
/// runs out.
void install_packet_object(lua_State* L, int anchor);

/// Pushes `pkt` for the packet that is shown now. Raises only when memory runs out.
void push_packet_object(lua_State* L, uint64_t generation);

}  // namespace perilune::script
