// The fields of a packet that a test expects after the script ran.
#pragma once

#include <string>
#include <vector>

#include "cli/testing/lua_value.h"
#include "packet/packet.h"

namespace perilune::cli {

/// Compares each field of `wanted` (docs/testing.md lists them) with the packet as the script left it. One text for
/// each difference; bytes are shown as a hexadecimal difference.
[[nodiscard]] std::vector<std::string> after_differences(const LuaValue& wanted, const packet::Packet& packet,
                                                         const packet::Decision& decision);

}  // namespace perilune::cli
