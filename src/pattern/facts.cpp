#include "pattern/facts.h"

namespace perilune::pattern {

Facts facts_of(const Chain& chain) {
  Facts facts;
  std::vector<MaskedByte> run;
  int32_t distance = 0;  // of the next byte from the match's beginning; -1: not fixed
  int32_t run_at = 0;
  bool at_beginning = true;
  const auto end_run = [&] {
    if (at_beginning) facts.prefix = run;
    at_beginning = false;
    if (run.size() > facts.factor.size()) {
      facts.factor = run;
      facts.factor_at = run_at;
    }
    run.clear();
  };
  for (const Step& step : chain.steps) {
    switch (step.kind) {
      case Step::Kind::kMark:
      case Step::Kind::kFrontier:
        break;
      case Step::Kind::kOnce: {
        ++facts.least;
        if (const auto masked = masked_byte(step.set)) {
          if (run.empty()) run_at = distance;
          run.push_back(*masked);
        } else {
          end_run();
        }
        if (distance >= 0) ++distance;
        break;
      }
      default:
        end_run();
        distance = -1;
    }
  }
  end_run();
  return facts;
}

}  // namespace perilune::pattern
