// d:getuint16(offset), d:setuint16(offset, value) and their kin: numbers and strings at byte offsets, without a layout.
#pragma once

#include <lauxlib.h>

namespace perilune::luadata {

/// The accessors by name, ending with a null entry. They take the upvalues of the module.
extern const luaL_Reg kAccessors[];

}  // namespace perilune::luadata
