// Packets built in Lua, for tests: the table `packet` that test files find, and what its descriptions become.
//
//   packet.tcp{src = '10.0.0.1', dport = 22, payload = 'SSH-2.0-OpenSSH_6.4\r\n'}
//
// The functions only note what was asked for; the bytes are made here, so that a mistake is reported with the test case
// and the number of the packet.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/testing/lua_value.h"
#include "packet/packet.h"

namespace perilune::cli {

/// Lua code on one line that defines the local `packet`.
[[nodiscard]] std::string_view packet_module_source();

/// A packet that owns its bytes.
struct BuiltPacket {
  std::vector<uint8_t> bytes;
  std::string interface;
  packet::Packet packet;  // all but bytes and interface, which view() sets

  [[nodiscard]] packet::Packet view() const {
    packet::Packet seen = packet;
    seen.bytes = bytes;
    if (seen.wire_length < bytes.size()) seen.wire_length = bytes.size();
    seen.interface = interface;
    return seen;
  }
};

/// Builds what packet.tcp{...} and the like returned; a string is the bytes of an Ethernet frame. Errors name the
/// field.
[[nodiscard]] Result<BuiltPacket> build_packet(const LuaValue& description);

}  // namespace perilune::cli
