// The one way to write through a view: bounds, then the memory's owner is asked, then the bytes are looked up again.
#pragma once

#include <cstddef>
#include <cstdint>

#include <lua.h>

#include "luadata/view.h"

namespace perilune::luadata {

/// Where bytes [offset, end) of `view` may be written: the address of the first one, or null when they are not all
/// there or the owner of the memory refused (with `data.strict`: the error the owner gave). Asks the owner once. Values
/// must have been converted before: the address is good until the next Lua call. For functions of the module.
[[nodiscard]] uint8_t* writable(lua_State* L, const View& view, uint64_t offset, uint64_t end);

/// Whether the value at `index` can be written as bytes: a string, a number (as text) or another data object.
[[nodiscard]] bool is_byte_string(lua_State* L, int index);

/// Copies the first bytes (at most `room`) of the value at `index`, a byte string, to `offset` of `view`, where `room`
/// bytes are known to be.
void copy_bytes(lua_State* L, const View& view, uint64_t offset, uint64_t room, int index);

/// A write to the field named at stack index 2 lies outside of what the view can see: nothing, or an error with
/// `data.strict`.
int refuse_outside(lua_State* L, Bytes seen, bool unusable);

}  // namespace perilune::luadata
