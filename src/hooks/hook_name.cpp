#include "hooks/hook_name.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <optional>
#include <vector>

#include "script/nearest.h"

namespace perilune::hooks {
namespace {

constexpr std::array<std::string_view, 3> kKinds{"xdp", "tc", "netfilter"};
constexpr std::array<std::string_view, 5> kNetfilter{"prerouting", "input", "forward", "output", "postrouting"};
constexpr const char* kSpellings =
    "hooks are xdp:INTERFACE, tc:INTERFACE:in, tc:INTERFACE:out and "
    "netfilter:prerouting|input|forward|output|postrouting[:PRIORITY]";
constexpr size_t kMostInterfaceName = 127;  // of an alternative name (ALTIFNAMSIZ)

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':')) {
    words.push_back(text.substr(0, colon));
    text.remove_prefix(colon + 1);
  }
  words.push_back(text);
  return words;
}

std::string meant(std::string_view word, std::span<const std::string_view> known) {
  const std::string_view near = script::nearest(word, known);
  return near.empty() ? "" : fmt::format("did you mean '{}'? ", near);
}

Result<void> check_interface(std::string_view text, std::string_view name) {
  if (name.empty()) return input_error(fmt::format("'{}' names no interface", text), kSpellings);
  if (name.size() > kMostInterfaceName || name.find_first_of("/ \t\n") != std::string_view::npos) {
    return input_error(fmt::format("'{}' cannot be the name of an interface", name), "'ip link' lists them");
  }
  return {};
}

Result<bpf::AttachPoint> parse_netfilter(std::string_view text, std::span<const std::string_view> words) {
  bpf::AttachPoint point;
  point.hook = bpf::EntryPoint::kNetfilter;
  const auto at = std::find(kNetfilter.begin(), kNetfilter.end(), words[1]);
  if (at == kNetfilter.end()) {
    return input_error(fmt::format("'{}': netfilter has no hook '{}'", text, words[1]),
                       meant(words[1], kNetfilter) + fmt::format("its hooks are {}", fmt::join(kNetfilter, ", ")));
  }
  point.netfilter = static_cast<bpf::NetfilterHook>(at - kNetfilter.begin());
  if (words.size() == 3) {
    int32_t priority = 0;
    const std::string_view digits = words[2];
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), priority);
    // The kernel keeps both ends for itself.
    if (code != std::errc() || end != digits.data() + digits.size() || priority == INT_MIN || priority == INT_MAX) {
      return input_error(fmt::format("'{}': '{}' is not a priority", text, digits),
                         fmt::format("a priority is a whole number from {} to {}; lower ones see a packet first "
                                     "(conntrack -200, filter 0)",
                                     INT_MIN + 1, INT_MAX - 1));
    }
    point.priority = priority;
  }
  return point;
}

Result<bpf::AttachPoint> parse_place(std::string_view text) {
  const std::vector<std::string_view> words = split(text);
  if (words[0] == "xdp" && words.size() == 2) {
    if (const Result<void> sound = check_interface(text, words[1]); !sound) return tl::make_unexpected(sound.error());
    bpf::AttachPoint point;
    point.hook = bpf::EntryPoint::kXdp;
    point.interface = words[1];
    return point;
  }
  if (words[0] == "tc" && words.size() >= 2) {
    if (const Result<void> sound = check_interface(text, words[1]); !sound) return tl::make_unexpected(sound.error());
    if (words.size() == 3 && (words[2] == "in" || words[2] == "out")) {
      bpf::AttachPoint point;
      point.hook = words[2] == "in" ? bpf::EntryPoint::kTcIn : bpf::EntryPoint::kTcOut;
      point.interface = words[1];
      return point;
    }
    return input_error(
        fmt::format("'{}' does not say which direction", text),
        fmt::format("write tc:{}:in for packets that arrive, tc:{}:out for those that leave", words[1], words[1]));
  }
  if (words[0] == "netfilter" && (words.size() == 2 || words.size() == 3)) return parse_netfilter(text, words);
  const bool known = std::find(kKinds.begin(), kKinds.end(), words[0]) != kKinds.end();
  return input_error(fmt::format("'{}' is not a hook", text), (known ? "" : meant(words[0], kKinds)) + kSpellings);
}

}  // namespace

Result<bpf::AttachPoint> parse_hook(std::string_view text, const std::string& netns) {
  const size_t sign = text.rfind('@');
  Result<bpf::AttachPoint> point = parse_place(text.substr(0, sign));
  if (!point) return point;
  point->netns = netns;
  if (sign == std::string_view::npos) return point;
  if (sign + 1 == text.size()) {
    return input_error(fmt::format("'{}' names no network namespace after '@'", text), "'ip netns' lists them");
  }
  point->netns = text.substr(sign + 1);
  return point;
}

}  // namespace perilune::hooks
