#include "bpf/hook.h"

#include <algorithm>

#include <fmt/format.h>

namespace perilune::bpf {
namespace {

constexpr size_t kMostInterfaceName = 127;  // of an alternative name (ALTIFNAMSIZ)

}  // namespace

std::string to_string(const AttachPoint& point) {
  std::string text(point.hook->name());
  if (!point.interface.empty()) text += ":" + point.interface;
  if (!point.part.empty()) text += ":" + point.part;
  if (point.priority) text += fmt::format(":{}", *point.priority);
  if (!point.netns.empty()) text += "@" + point.netns;
  return text;
}

const Hook* find_hook(std::string_view name) {
  const auto hooks = kernel_hooks();
  const auto found = std::ranges::find(hooks, name, &Hook::name);
  return found == hooks.end() ? nullptr : *found;
}

std::string hook_spellings() {
  std::string text;
  const auto hooks = kernel_hooks();
  for (size_t i = 0; i < hooks.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == hooks.size() ? " and " : ", ", hooks[i]->spelling());
  return text;
}

std::string available_hooks(const Features& features) {
  std::vector<std::string_view> there;
  for (const Hook* hook : kernel_hooks())
    if (hook->lacks(features).empty()) there.push_back(hook->spelling());
  return fmt::format("{}", fmt::join(there, ", "));
}

Result<void> check_hook(const Features& features, const Hook& hook) {
  if (!features.permitted) return tl::make_unexpected(not_permitted(features));
  const std::string_view missing = hook.lacks(features);
  if (missing.empty()) return {};
  const std::string others = available_hooks(features);
  return system_error(fmt::format("this kernel has no {}", missing),
                      others.empty() ? "it has none of the hooks; 'perilune run --queue' judges packets without them"
                                     : fmt::format("it has {}; 'perilune features' shows all it can do", others));
}

tl::unexpected<Error> not_a_hook(std::string_view text, const std::string& meant) {
  return input_error(fmt::format("'{}' is not a hook", text),
                     fmt::format("{}{}hooks are {}", meant, meant.empty() ? "" : " ", hook_spellings()));
}

Result<void> check_interface_name(std::string_view text, std::string_view name) {
  if (name.empty()) return input_error(fmt::format("'{}' names no interface", text), "hooks are " + hook_spellings());
  if (name.size() > kMostInterfaceName || name.find_first_of("/ \t\n") != std::string_view::npos) {
    return input_error(fmt::format("'{}' cannot be the name of an interface", name), "'ip link' lists them");
  }
  return {};
}

}  // namespace perilune::bpf
