#include "bpf/hook.h"

#include <array>

#include <fmt/format.h>

namespace perilune::bpf {

std::string_view to_string(HookKind kind) {
  constexpr std::array<std::string_view, 3> kNames{"xdp", "tc", "netfilter"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view to_string(NetfilterHook hook) {
  constexpr std::array<std::string_view, 5> kNames{"prerouting", "input", "forward", "output", "postrouting"};
  return kNames[static_cast<size_t>(hook)];
}

std::string to_string(const Hook& hook) {
  std::string text(to_string(hook.kind));
  switch (hook.kind) {
    case HookKind::kXdp:
      text += ":" + hook.interface;
      break;
    case HookKind::kTc:
      text += fmt::format(":{}:{}", hook.interface, hook.outgoing ? "out" : "in");
      break;
    case HookKind::kNetfilter:
      text += fmt::format(":{}", to_string(hook.netfilter));
      if (hook.priority) text += fmt::format(":{}", *hook.priority);
      break;
  }
  if (!hook.netns.empty()) text += "@" + hook.netns;
  return text;
}

}  // namespace perilune::bpf
