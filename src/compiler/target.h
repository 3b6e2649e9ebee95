// Where compiled code is to run, as far as it changes what a script may do there.
#pragma once

#include <cstdint>
#include <string>

namespace perilune::compiler {

enum class HookKind : uint8_t { kNative, kXdp, kTc, kNetfilter };

struct Target {
  HookKind hook = HookKind::kNative;
  std::string direction = "in";  // pkt.direction on kernel hooks; native: by the packet's flags
  std::string interface;         // pkt.interface on kernel hooks; empty: not known at load
  bool asks_not_ip = false;      // the script is called for frames without IP, too
  bool has_frame = true;         // pkt.frame is there
  [[nodiscard]] bool kernel() const { return hook != HookKind::kNative; }
  [[nodiscard]] bool may_write() const { return hook != HookKind::kNetfilter; }
  [[nodiscard]] bool may_mark() const { return hook == HookKind::kNative || hook == HookKind::kTc; }
};

}  // namespace perilune::compiler
