// What a data object looks at: a run of bytes that the caller owns, seen through views that can be cut off.
//
// A host that shows scripts a new buffer for every event (a packet, a write to a terminal) keeps ONE Memory per
// lua_State for the whole life of that state, points it at each buffer in turn, and calls `release()` when the event is
// over. A view remembers the generation it was made in; a view of an earlier generation reads nil and writes nothing,
// so a script that keeps `pld` in a global can never see the next packet through it, and nothing has to be collected or
// walked.
#pragma once

#include <cstddef>
#include <cstdint>

#include <lua.h>

namespace perilune::luadata {

struct Memory {
  uint8_t* bytes = nullptr;  // null: nothing here (reads give nil, writes do nothing)
  size_t size = 0;           // views are cut to it at each access, so it may shrink or grow while views exist
  uint64_t generation = 0;
  /// Asked once before each write, with the memory about to be written; may repoint `bytes` (copy on write), must keep
  /// what views see. Returning false refuses the write: silent, or with `data.strict` the error `refusal`. Null:
  /// writable as is.
  bool (*before_write)(Memory& memory, void* context) = nullptr;
  void* context = nullptr;
  const char* refusal = "this data is read-only here";

  void show(uint8_t* new_bytes, size_t new_size) {
    bytes = new_bytes;
    size = new_size;
  }
  /// Cuts every view made so far off this memory.
  void release() {
    ++generation;
    bytes = nullptr;
    size = 0;
  }
};

/// Pushes a view of `length` bytes from `offset`, without a layout. `memory` must outlive the lua_State. The state must
/// have `data` opened. Raises a Lua error only when memory runs out.
void push_view(lua_State* L, Memory& memory, size_t offset, size_t length);

/// The bytes of the data object at `index`: null with size 0 when it is not one or was cut off. Valid until the next
/// Lua call.
const uint8_t* view_bytes(lua_State* L, int index, size_t& size);

}  // namespace perilune::luadata
