// string.find, match, gmatch and gsub with our own matcher.
#pragma once

#include <lua.h>

namespace perilune::script {

/// Puts the four functions into the table on top of the stack. The state must belong to a State.
void set_pattern_functions(lua_State* L);

}  // namespace perilune::script
