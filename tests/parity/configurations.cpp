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
  const auto kernel = [&](const char* name, Feed feed, bpf::EntryPoint entry_point) {
    all.push_back(std::make_unique<KernelConfiguration>(name, feed, entry_point, terms));
  };
  kernel("kernel-tc", Feed::kEthernet, bpf::EntryPoint::kTcIn);
  kernel("kernel-xdp", Feed::kEthernetUnmarked, bpf::EntryPoint::kXdp);
  kernel("kernel-netfilter", Feed::kIp, bpf::EntryPoint::kNetfilter);
  return all;
}

}  // namespace perilune::parity
