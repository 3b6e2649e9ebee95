#include "pattern/dfa.h"

#include <unordered_map>

#include "pattern/closure.h"
#include "pattern/minimize.h"

namespace perilune::pattern {
namespace {

constexpr uint16_t kDiffers = 0xffff;  // progress of a capture that is no longer a prefix of the text

struct Thread {
  uint32_t step = 0;
  uint16_t progress = 0;
};

enum class Answer : uint16_t { kNone, kNo, kYes };  // of the best match so far

struct State {
  std::vector<Thread> threads;  // by priority
  uint64_t before = 0;
  Answer answer = Answer::kNone;

  [[nodiscard]] std::u16string key() const {
    std::u16string text;
    text.push_back(static_cast<char16_t>(answer));
    for (unsigned shift = 0; shift < 64; shift += 16)
      text.push_back(static_cast<char16_t>(before >> shift));
    for (const Thread& thread : threads) {
      text.push_back(static_cast<char16_t>(thread.step));
      text.push_back(static_cast<char16_t>(thread.progress));
    }
    return text;
  }
};

class DfaMaker {
 public:
  DfaMaker(const Chain& chain, const std::optional<std::string>& equals, Limits limits)
      : chain_(chain), equals_(equals), limits_(limits), closure_(chain), present_(chain.steps.size() + 1) {}

  std::optional<Dfa> run() {
    if (closure_.too_many_frontiers() || chain_.steps.size() > 0xfffe) return std::nullopt;
    if (equals_ && equals_->size() >= kDiffers) return std::nullopt;
    std::vector<ByteSet> sets;
    for (const Step& step : chain_.steps) {
      if (step.kind != Step::Kind::kMark) sets.push_back(step.set);
    }
    if (closure_.has_frontiers()) sets.push_back(ByteSet::of(0));  // what stands before the beginning
    if (equals_) {
      for (const char c : *equals_)
        sets.push_back(ByteSet::of(static_cast<uint8_t>(c)));
    }
    classes_ = partition(sets);
    machine_.classes = classes_.count();

    const uint32_t start = state_of(start_state(0));
    std::vector<uint32_t> start_after;
    for (const uint8_t byte : classes_.representative)
      start_after.push_back(state_of(start_state(byte)));
    while (machine_.output.size() < states_.size()) {
      if (states_.size() > limits_.states || states_.size() * machine_.classes > limits_.cells) return std::nullopt;
      expand(states_[machine_.output.size()]);
    }
    return finish(start, start_after);
  }

  // As visitor of the closure.
  void mark(Thread&, uint32_t) {}
  void take(const Thread& thread, uint32_t from, uint32_t to) {
    if (present_[to]) return;
    present_[to] = true;
    Thread moved{to, thread.progress};
    if (equals_ && chain_.steps[from].compared && moved.progress != kDiffers) {
      const bool agrees = moved.progress < equals_->size() &&
                          static_cast<uint8_t>((*equals_)[moved.progress]) == static_cast<uint8_t>(byte_);
      moved.progress = agrees ? static_cast<uint16_t>(moved.progress + 1) : kDiffers;
    }
    next_.threads.push_back(moved);
  }
  void accept(const Thread& thread) {
    next_.answer = !equals_ || thread.progress == equals_->size() ? Answer::kYes : Answer::kNo;
  }

 private:
  [[nodiscard]] State start_state(uint8_t before) const {
    State state;
    state.threads.push_back({});
    state.before = closure_.before(before) & closure_.relevant(0);
    return state;
  }

  uint32_t state_of(State state) {
    const auto [at, inserted] = numbers_.try_emplace(state.key(), static_cast<uint32_t>(states_.size()));
    if (inserted) states_.push_back(std::move(state));
    return at->second;
  }

  /// Where `state` goes on `byte` (-1: the end). Leaves it in next_.
  void advance(const State& state, int byte) {
    byte_ = byte;
    next_ = State{{}, 0, state.answer};
    present_.assign(present_.size(), false);
    closure_.begin({state.before, byte});
    for (const Thread& thread : state.threads) {
      if (!closure_.explore(thread.step, thread, *this)) break;
    }
    if (!equals_ && next_.answer == Answer::kYes) next_.threads.clear();
    // While nothing has matched, a match may begin at the next byte, with the least priority.
    const bool searching = !chain_.anchored && next_.answer == Answer::kNone;
    if (searching && byte >= 0 && !present_[0]) next_.threads.push_back({});
    if (byte < 0) return;
    uint64_t relevant = 0;
    for (const Thread& thread : next_.threads)
      relevant |= closure_.relevant(thread.step);
    next_.before = closure_.before(static_cast<uint8_t>(byte)) & relevant;
  }

  // By value: states_ grows meanwhile.
  void expand(const State state) {  // NOLINT(performance-unnecessary-value-param)
    for (const uint8_t byte : classes_.representative) {
      advance(state, byte);
      machine_.next.push_back(state_of(std::move(next_)));
    }
    advance(state, -1);
    machine_.output.push_back(next_.answer == Answer::kYes ? 1 : 0);
  }

  Dfa finish(uint32_t start, const std::vector<uint32_t>& start_after) {
    Minimized small = minimize(machine_);
    Dfa dfa;
    dfa.classes = classes_;
    dfa.start = small.new_state[start];
    for (const uint32_t state : start_after)
      dfa.start_after.push_back(small.new_state[state]);
    // With %f two classes with the same column can still differ as the byte before `init`.
    if (!closure_.has_frontiers()) {
      dfa.classes = merge(classes_, merge_columns(small.machine));
      dfa.start_after.assign(dfa.classes.count(), dfa.start);
    }
    dfa.states = small.machine.states();
    dfa.first_sink = small.first_sink;
    dfa.next = std::move(small.machine.next);
    for (const uint32_t output : small.machine.output)
      dfa.accepts.push_back(output != 0);
    return dfa;
  }

  const Chain& chain_;
  const std::optional<std::string>& equals_;
  Limits limits_;
  Closure closure_;
  ByteClasses classes_;
  std::vector<State> states_;
  std::unordered_map<std::u16string, uint32_t> numbers_;
  Machine machine_;
  // while a state is expanded
  State next_;
  std::vector<bool> present_;
  int byte_ = -1;
};

}  // namespace

std::optional<Dfa> make_dfa(const Chain& chain, const std::optional<std::string>& equals, Limits limits) {
  return DfaMaker(chain, equals, limits).run();
}

bool run(const Dfa& dfa, std::string_view subject, size_t init) {
  uint32_t state = init == 0 ? dfa.start : dfa.start_after[dfa.classes.of[static_cast<uint8_t>(subject[init - 1])]];
  for (size_t i = init; i < subject.size() && state < dfa.first_sink; ++i) {
    state = dfa.next[size_t{state} * dfa.classes.count() + dfa.classes.of[static_cast<uint8_t>(subject[i])]];
  }
  return dfa.accepts[state];
}

}  // namespace perilune::pattern
