// Engines of our own process under comparison.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "script/maps/map_store.h"
#include "subject.h"

namespace perilune::parity {

[[nodiscard]] MapContents contents_of(script::Map& map, uint64_t now_ns);

/// Everything on, so that everything is compared.
[[nodiscard]] engine::Options comparable_options(engine::Kind kind, const Terms& terms);

class EngineConfiguration final : public Configuration {
 public:
  EngineConfiguration(std::string engine_name, Feed how, engine::Options options);
  tl::expected<std::unique_ptr<Subject>, Diagnostics> open(const std::string& script) const override;
  std::string unavailable() const override;

 private:
  engine::Options options_;
};

}  // namespace perilune::parity
