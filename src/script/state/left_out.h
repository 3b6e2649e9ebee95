// Names of stock Lua, and of modules that scripts expect beside it, which the sandbox leaves out.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace perilune::script {

struct LeftOut {
  std::string_view name;
  std::string_view instead;  // what a script can do
};

inline constexpr std::array<LeftOut, 14> kLeftOut = {{
    {"io", "scripts cannot reach files: compute tables at load from modules (require), report with log()"},
    {"os", "scripts cannot reach the system: the time is time.now()"},
    {"debug", "scripts cannot reach the interpreter"},
    {"package", "modules are found by require, in the script's folder only"},
    {"dofile", "use require for files in the script's folder"},
    {"loadfile", "use require for files in the script's folder"},
    {"load", "scripts cannot compile text while they run"},
    {"loadstring", "scripts cannot compile text while they run"},
    {"coroutine", "a filter answers at once, for every packet"},
    {"warn", "report with log()"},
    {"socket", "scripts cannot reach the network: they judge the packets they are given"},
    {"ffi", "scripts cannot reach C"},
    {"lfs", "scripts cannot reach files: compute tables at load from modules (require)"},
    {"posix", "scripts cannot reach the system: the time is time.now()"},
}};

/// Null when the name is none of them.
[[nodiscard]] constexpr const LeftOut* left_out(std::string_view name) {
  const auto* found =
      std::find_if(kLeftOut.begin(), kLeftOut.end(), [&](const LeftOut& one) { return one.name == name; });
  return found == kLeftOut.end() ? nullptr : found;
}

}  // namespace perilune::script
