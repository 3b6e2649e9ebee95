#include <set>
#include <tuple>

#include "bpf/hook.h"
#include "engine_subject.h"
#include "kernel_subject.h"

namespace perilune::parity {

std::unique_ptr<Configuration> lua_configuration(Feed feed, const Terms& terms) {
  return std::make_unique<EngineConfiguration>("lua", feed, comparable_options(engine::Kind::kLua, terms));
}

std::vector<std::unique_ptr<Configuration>> configurations(const Terms& terms) {
  std::vector<std::unique_ptr<Configuration>> all;
  const auto native = [&](const char* name, engine::NativeCode code) {
    engine::Options options = comparable_options(engine::Kind::kNative, terms);
    options.native_code = code;
    all.push_back(std::make_unique<EngineConfiguration>(name, Feed::kAsCaptured, options));
  };
  native("native", engine::NativeCode::kMachine);
  native("interpreter", engine::NativeCode::kInterpreted);
  std::set<std::tuple<std::string_view, bool>> seen;
  for (const bpf::Hook* hook : bpf::kernel_hooks()) {
    const bpf::ProgramKind& kind = hook->program();
    // Hooks that see the same kind of packet in the same context share their runtime: one of them is enough.
    if (!seen.emplace(kind.context, kind.raw_ip).second) continue;
    const Feed feed = kind.raw_ip ? Feed::kIp : kind.test_context ? Feed::kEthernet : Feed::kEthernetUnmarked;
    all.push_back(std::make_unique<KernelConfiguration>(fmt::format("kernel-{}", hook->name()), feed, hook, terms));
  }
  return all;
}

}  // namespace perilune::parity
