#include "bpf/attach_point.h"

#include <array>

#include <fmt/format.h>

namespace perilune::bpf {

std::string_view to_string(NetfilterHook hook) {
  constexpr std::array<std::string_view, 5> kNames{"prerouting", "input", "forward", "output", "postrouting"};
  return kNames[static_cast<size_t>(hook)];
}

std::string to_string(const AttachPoint& point) {
  std::string text;
  switch (point.hook) {
    case EntryPoint::kXdp:
      text = fmt::format("xdp:{}", point.interface);
      break;
    case EntryPoint::kTcIn:
      text = fmt::format("tc:{}:in", point.interface);
      break;
    case EntryPoint::kTcOut:
      text = fmt::format("tc:{}:out", point.interface);
      break;
    case EntryPoint::kNetfilter:
      text = fmt::format("netfilter:{}", to_string(point.netfilter));
      if (point.priority) text += fmt::format(":{}", *point.priority);
      break;
  }
  if (!point.netns.empty()) text += "@" + point.netns;
  return text;
}

}  // namespace perilune::bpf
