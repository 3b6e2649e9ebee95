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
  const auto kernel = [&](const char* name, Feed feed, const bpf::Hook* hook) {
    all.push_back(std::make_unique<KernelConfiguration>(name, feed, hook, terms));
  };
  kernel("kernel-tc", Feed::kEthernet, bpf::find_hook("tc"));
  kernel("kernel-xdp", Feed::kEthernetUnmarked, bpf::find_hook("xdp"));
  kernel("kernel-netfilter", Feed::kIp, bpf::find_hook("netfilter"));
  return all;
}

}  // namespace perilune::parity
