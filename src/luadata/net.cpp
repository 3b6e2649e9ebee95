// The module `net`: builds the tables of net_tables.h in a state. Each state has its own; nothing is shared between
// scripts.
#include <algorithm>
#include <climits>
#include <cstring>
#include <string_view>

#include <lauxlib.h>

#include "luadata/address_text.h"
#include "luadata/dns_name.h"
#include "luadata/layout.h"
#include "luadata/luadata.h"
#include "luadata/net_tables.h"
#include "luadata/view.h"

namespace perilune::luadata {
namespace {

void set_integer_at(lua_State* L, lua_Integer position, lua_Integer value) {
  lua_pushinteger(L, value);
  lua_rawseti(L, -2, position);
}

// Pushes the layout as a script would write it, then compiles it.
void push_net_layout(lua_State* L, const NetLayout& layout) {
  lua_createtable(L, 0, static_cast<int>(layout.fields.size()));
  for (const NetField& field : layout.fields) {
    lua_createtable(L, 3, 0);
    set_integer_at(L, 1, field.offset);
    set_integer_at(L, 2, field.length);
    if (field.type != nullptr) {
      lua_pushstring(L, field.type);
      lua_rawseti(L, -2, 3);
    }
    lua_setfield(L, -2, field.name);
  }
  compile_layout(L, -1);
}

void push_net_constants(lua_State* L, const NetConstants& group) {
  lua_createtable(L, 0, static_cast<int>(group.constants.size()));
  for (const NetConstant& constant : group.constants) {
    lua_pushinteger(L, constant.value);
    lua_setfield(L, -2, constant.name);
  }
}

constexpr size_t kIpv4Size = 4;
constexpr size_t kIpv6Size = 16;
constexpr size_t kMacSize = 6;

// Copies the bytes of argument 1, a string or a data object, when there are at most kIpv6Size; gives their number.
size_t address_argument(lua_State* L, uint8_t (&bytes)[kIpv6Size]) {
  size_t size = 0;
  const void* source = nullptr;
  if (const View* view = to_view(L, 1); view != nullptr) {
    const Bytes seen = resolve(*view);
    source = seen.bytes;
    size = seen.size;
  } else {
    source = luaL_checklstring(L, 1, &size);
  }
  if (size != 0 && size <= sizeof bytes) std::memcpy(bytes, source, size);
  return size;
}

// net.ip(bytes): the text of an address of 4 or 16 bytes.
int net_ip(lua_State* L) {
  uint8_t bytes[kIpv6Size];
  char text[kAddressTextSize];
  const size_t size = address_argument(L, bytes);
  if (size == kIpv4Size)
    ipv4_to_text(bytes, text);
  else if (size == kIpv6Size)
    ipv6_to_text(bytes, text);
  else
    return luaL_argerror(L, 1,
                         lua_pushfstring(L, "an IP address has 4 or 16 bytes, not %I", static_cast<LUAI_UACINT>(size)));
  lua_pushstring(L, text);
  return 1;
}

// net.mac(bytes): the text of an address of 6 bytes.
int net_mac(lua_State* L) {
  uint8_t bytes[kIpv6Size];
  char text[kAddressTextSize];
  const size_t size = address_argument(L, bytes);
  if (size != kMacSize)
    return luaL_argerror(L, 1, lua_pushfstring(L, "a MAC address has 6 bytes, not %I", static_cast<LUAI_UACINT>(size)));
  mac_to_text(bytes, text);
  lua_pushstring(L, text);
  return 1;
}

// net.bytes(text): the bytes of an address of any kind, or nil when the text is none.
int net_bytes(lua_State* L) {
  uint8_t bytes[kIpv6Size];
  size_t length = 0;
  const char* text = luaL_checklstring(L, 1, &length);
  size_t size = 0;
  if (ipv4_from_text(text, length, bytes))
    size = kIpv4Size;
  else if (ipv6_from_text(text, length, bytes))
    size = kIpv6Size;
  else if (mac_from_text(text, length, bytes))
    size = kMacSize;
  if (size == 0)
    lua_pushnil(L);
  else
    lua_pushlstring(L, reinterpret_cast<const char*>(bytes), size);
  return 1;
}

// net.dns_name(text): a domain name as it stands in packets; nil and what is wrong when it is none.
int net_dns_name(lua_State* L) {
  uint8_t wire[kDnsNameSize];
  size_t length = 0;
  const char* text = luaL_checklstring(L, 1, &length);
  const DnsName name = dns_name_from_text(text, length, wire);
  if (name.problem == DnsNameProblem::kNone) {
    lua_pushlstring(L, reinterpret_cast<const char*>(wire), name.size);
    return 1;
  }
  lua_pushnil(L);
  lua_pushfstring(L, "the name %s", describe(name.problem));
  return 2;
}

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool is_address(std::string_view word) {
  uint8_t bytes[kIpv6Size];
  const bool possible =
      word.find_first_not_of("0123456789.") == std::string_view::npos || word.find(':') != std::string_view::npos;
  return possible &&
         (ipv4_from_text(word.data(), word.size(), bytes) || ipv6_from_text(word.data(), word.size(), bytes));
}

// Sets list[name] for a word of a list of names; addresses are passed over.
void add_dns_name(lua_State* L, int list, std::string_view word, size_t line) {
  constexpr int kShown = 80;
  if (is_address(word)) return;
  std::string_view name = word;
  if (name.starts_with("*.")) name.remove_prefix(2);
  uint8_t wire[kDnsNameSize];
  const DnsName made = dns_name_from_text(name.data(), name.size(), wire);
  if (made.problem != DnsNameProblem::kNone) {
    lua_pushlstring(L, word.data(), std::min<size_t>(word.size(), kShown));
    luaL_error(L, "line %d of the list: '%s' %s", static_cast<int>(line), lua_tostring(L, -1), describe(made.problem));
  }
  lua_pushlstring(L, reinterpret_cast<const char*>(wire), made.size);
  lua_pushboolean(L, 1);
  lua_rawset(L, list);
}

int fill_dns_names(lua_State* L) {
  size_t length = 0;
  const char* bytes = lua_tolstring(L, 1, &length);
  const std::string_view text(bytes, length);
  lua_createtable(L, 0, static_cast<int>(std::min<ptrdiff_t>(std::ranges::count(text, '\n'), INT_MAX / 2)));
  const int list = lua_gettop(L);
  size_t line = 1;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '#') at = std::min(text.find('\n', at), text.size());
    if (at == text.size()) break;
    if (is_blank(text[at])) {
      line += text[at] == '\n' ? 1 : 0;
      ++at;
      continue;
    }
    size_t end = at + 1;
    while (end < text.size() && !is_blank(text[end]) && text[end] != '#')
      ++end;
    add_dns_name(L, list, text.substr(at, end - at), line);
    at = end;
  }
  return 1;
}

// net.dns_names(text): a table with true for each domain name of a text, as it stands in packets. The text is a list
// with a name on a line, or a hosts file.
//
// The collector rests meanwhile: next to nothing is garbage, and each of its iterations would go through all names so
// far.
int net_dns_names(lua_State* L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  const bool collecting = lua_gc(L, LUA_GCISRUNNING) != 0;
  lua_pushcfunction(L, fill_dns_names);
  lua_insert(L, 1);
  lua_gc(L, LUA_GCSTOP);
  const int status = lua_pcall(L, 1, 1, 0);
  if (collecting) lua_gc(L, LUA_GCRESTART);
  if (status == LUA_OK) return 1;
  return lua_error(L);
}

constexpr luaL_Reg kFunctions[] = {
    {"ip", net_ip},    {"mac", net_mac}, {"bytes", net_bytes}, {"dns_name", net_dns_name}, {"dns_names", net_dns_names},
    {nullptr, nullptr}};

}  // namespace
}  // namespace perilune::luadata

int luaopen_net(lua_State* L) {
  using namespace perilune::luadata;
  luaL_checkstack(L, 16, "opening net");
  luaopen_data(L);
  lua_pop(L, 1);
  luaL_newlib(L, kFunctions);
  for (const NetLayout& layout : net_layouts()) {
    push_net_layout(L, layout);
    lua_setfield(L, -2, layout.name);
  }
  for (const NetConstants& group : net_constants()) {
    push_net_constants(L, group);
    lua_setfield(L, -2, group.name);
  }
  return 1;
}
