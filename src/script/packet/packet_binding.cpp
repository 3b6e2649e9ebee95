#include "script/packet/packet_binding.h"

#include <array>
#include <new>
#include <string_view>

#include <fmt/format.h>
#include <lauxlib.h>

#include "base/spelling.h"
#include "luadata/memory.h"
#include "script/packet/packet_memory.h"
#include "script/packet/packet_object.h"

namespace perilune::script {
namespace {

constexpr char kAnchorKey = 0;

// Makes the anchor (kept in the registry) and the metatable of pkt. Argument 1: where to put the anchor's address.
int set_up(lua_State* L) {
  auto** anchor = static_cast<PacketAnchor**>(lua_touserdata(L, 1));
  *anchor = new (lua_newuserdatauv(L, sizeof(PacketAnchor), 0)) PacketAnchor;
  install_packet_object(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kAnchorKey);
  return 0;
}

constexpr std::string_view kExpected = "return true, false, nil, 'pass', 'block', 'reject' or 'reply'";
constexpr std::array<std::string_view, 4> kVerdicts{"pass", "block", "reject", "reply"};

// A string of the script for a message: bounded, and without anything a terminal would obey.
std::string quoted(std::string_view text) {
  constexpr size_t kMaxShown = 40;
  std::string result = "'";
  for (const char c : text.substr(0, kMaxShown)) {
    if (c >= ' ' && c <= '~') {
      result += c;
    } else {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  result += text.size() > kMaxShown ? "...'" : "'";
  return result;
}

std::string describe_result(lua_State* L) {
  switch (lua_type(L, -1)) {
    case LUA_TNUMBER:
      if (lua_isinteger(L, -1) != 0) return fmt::format("the number {}", lua_tointeger(L, -1));
      return fmt::format("the number {}", lua_tonumber(L, -1));
    case LUA_TSTRING: {
      size_t length = 0;
      const char* text = lua_tolstring(L, -1, &length);
      return quoted({text, length}) + aside(did_you_mean({text, length}, kVerdicts));
    }
    case LUA_TLIGHTUSERDATA:
    case LUA_TUSERDATA:
      return "an object (userdata)";
    default:
      return fmt::format("a {}", lua_typename(L, lua_type(L, -1)));
  }
}

}  // namespace

struct PacketBinding::Impl {
  State* state;
  PacketAnchor* anchor;
  PacketMemory packet;

  Impl(State& owner, PacketAnchor& in_state) : state(&owner), anchor(&in_state), packet(in_state.memory) {
    anchor->packet = &packet;
  }
  ~Impl() { anchor->packet = nullptr; }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
};

PacketBinding::PacketBinding(State& state) {
  lua_State* L = state.lua();
  PacketAnchor* anchor = nullptr;
  lua_pushcfunction(L, set_up);
  lua_pushlightuserdata(L, static_cast<void*>(&anchor));
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    lua_pop(L, 1);
    return;
  }
  impl_ = std::make_unique<Impl>(state, *anchor);
}

PacketBinding::~PacketBinding() = default;

bool PacketBinding::ready() const {
  return impl_ != nullptr;
}

void PacketBinding::begin(const packet::Packet& packet, const packet::Location& location) {
  if (impl_) impl_->packet.begin(packet, location);
}

int PacketBinding::push(lua_State* L, int wanted) {
  if (!impl_) return luaL_error(L, "not enough memory for the packet's views");
  PacketMemory& packet = impl_->packet;
  const PacketMemory::Range headers = packet.headers();
  const PacketMemory::Range payload = packet.payload();
  if (wanted >= 1) luadata::push_view(L, packet.memory(), headers.offset, headers.length);
  if (wanted >= 2) luadata::push_view(L, packet.memory(), payload.offset, payload.length);
  if (wanted >= 3) push_packet_object(L, packet.generation());
  return wanted < 3 ? wanted : 3;
}

PacketBinding::ScriptResult PacketBinding::read_result(lua_State* L) const {
  ScriptResult result;
  switch (lua_type(L, -1)) {
    case LUA_TNIL:
      return result;
    case LUA_TBOOLEAN:
      result.kind = ResultKind::kVerdict;
      result.verdict = lua_toboolean(L, -1) != 0 ? packet::Verdict::kPass : packet::Verdict::kBlock;
      return result;
    case LUA_TSTRING: {
      size_t length = 0;
      const char* text = lua_tolstring(L, -1, &length);
      if (const auto verdict = packet::parse_verdict({text, length}); verdict.has_value()) {
        result.kind = ResultKind::kVerdict;
        result.verdict = *verdict;
        return result;
      }
      break;
    }
    default:
      break;
  }
  result.kind = ResultKind::kInvalid;
  const std::string_view function = impl_ ? std::string_view{impl_->state->options().function} : "the script";
  result.problem = fmt::format("{} returned {}; {}", function, describe_result(L), kExpected);
  return result;
}

packet::Malformed PacketBinding::commit(packet::Decision& decision) {
  return impl_->packet.commit(decision);
}

void PacketBinding::end() {
  if (impl_) impl_->packet.end();
}

}  // namespace perilune::script
