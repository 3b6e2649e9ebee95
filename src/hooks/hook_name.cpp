#include "hooks/hook_name.h"

#include <vector>

#include "base/spelling.h"
#include "bpf/hook.h"

namespace perilune::hooks {
namespace {

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':')) {
    words.push_back(text.substr(0, colon));
    text.remove_prefix(colon + 1);
  }
  words.push_back(text);
  return words;
}

const bpf::Hook* hook_of(std::string_view text) {
  return bpf::find_hook(text.substr(0, text.find(':')));
}

Result<bpf::AttachPoint> parse_place(std::string_view text) {
  const std::vector<std::string_view> words = split(text);
  const bpf::Hook* hook = hook_of(text);
  if (hook != nullptr && words.size() > 1) return hook->parse(text, words);
  std::string meant;
  if (hook == nullptr) {
    std::vector<std::string_view> names;
    for (const bpf::Hook* one : bpf::kernel_hooks())
      names.push_back(one->name());
    meant = did_you_mean(words[0], names);
  }
  return bpf::not_a_hook(text, meant);
}

}  // namespace

Result<bpf::AttachPoint> parse_hook(std::string_view text, const std::string& netns) {
  if (const bpf::Hook* hook = hook_of(text); hook != nullptr && hook->scope() == bpf::Scope::kMachine) {
    if (!netns.empty()) {
      return input_error(fmt::format("'{}' is in no network namespace", text),
                         "it is the same in all of them: leave --netns out, and write @NETNS after the other hooks");
    }
    return parse_place(text);  // its names may have an '@'
  }
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
