/* Luadata's C interface: memory of a C program as an object a Lua script can read and write, safely.
 *
 * Usable from C and C++. All functions run on the calling thread and may raise a Lua error when memory runs out
 * (ldata_newref), so call them where a Lua error is caught. Nothing here takes ownership of the caller's memory.
 */
#ifndef PERILUNE_LUADATA_H
#define PERILUNE_LUADATA_H

#include <lua.h>
#include <stddef.h> /* NOLINT(modernize-deprecated-headers): C reads this too */

/* In data.so these are all that is visible. */
#define LDATA_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/* Pushes a data object over `size` bytes at `pointer` and returns a reference to it. The memory stays the caller's: it
 * must stay valid until ldata_unref() is called with that reference, or the state is closed. The object and its
 * segments can be read and written by scripts until then. Opens `data` when that has not been done. */
LDATA_API int ldata_newref(lua_State* L, void* pointer, size_t size);

/* Cuts the object that `reference` refers to, and every segment made of it, off its memory: from now on reads give nil
 * and writes do nothing. The reference is freed. LUA_NOREF and LUA_REFNIL are ignored. */
LDATA_API void ldata_unref(lua_State* L, int reference);

/* The address and size of the data object at `index`, or NULL with *size = 0 when it is not one or was cut off. The
 * address of an object made by a script stays valid while that object is alive. Of memory that is copied when it is
 * first written (memory.h, before_write) the address is for reading. `size` may be NULL. */
LDATA_API void* ldata_topointer(lua_State* L, int index, size_t* size);

/* The module `data`, for luaL_requiref() or `require 'data'` (data.so). Returns 1: the module table. */
LDATA_API int luaopen_data(lua_State* L);

/* The module `net`: layouts and constants of network protocols. Opens `data` when that has not been done. Returns 1. */
LDATA_API int luaopen_net(lua_State* L);

#ifdef __cplusplus
}
#endif
#endif
