#include "engine_subject.h"

namespace perilune::parity {

std::unique_ptr<Configuration> lua_configuration(Feed feed, uint64_t seed) {
  return std::make_unique<EngineConfiguration>("lua", feed, comparable_options(engine::Kind::kLua, seed));
}

std::vector<std::unique_ptr<Configuration>> configurations(uint64_t seed) {
  std::vector<std::unique_ptr<Configuration>> all;
  all.push_back(std::make_unique<EngineConfiguration>("native", Feed::kAsCaptured,
                                                      comparable_options(engine::Kind::kNative, seed)));
  return all;
}

}  // namespace perilune::parity
