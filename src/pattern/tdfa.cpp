#include "pattern/tdfa.h"

#include <map>
#include <unordered_map>

#include "pattern/closure.h"
#include "pattern/minimize.h"
#include "pattern/registers.h"

namespace perilune::pattern {
namespace {

/// What a thread's marks are worth within one transition: those of the thread it came from, but for the marks passed.
struct Thread {
  uint32_t origin = 0;                // step in the old state
  uint64_t passed[4] = {0, 0, 0, 0};  // bit s: mark s is the current position

  [[nodiscard]] bool has_passed(uint32_t mark) const { return ((passed[mark >> 6U] >> (mark & 63U)) & 1U) != 0; }
};
constexpr uint32_t kMostMarks = 256;

struct State {
  std::vector<uint32_t> threads;  // steps, by priority
  uint64_t before = 0;
  bool matched = false;

  [[nodiscard]] std::u16string key() const {
    std::u16string text;
    text.push_back(matched ? 1 : 0);
    for (unsigned shift = 0; shift < 64; shift += 16)
      text.push_back(static_cast<char16_t>(before >> shift));
    for (const uint32_t step : threads)
      text.push_back(static_cast<char16_t>(step));
    return text;
  }
};

class TdfaMaker {
 public:
  TdfaMaker(const Chain& chain, Limits limits)
      : chain_(chain), limits_(limits), closure_(chain), present_(chain.steps.size() + 1) {
    uint32_t marks = 0;
    for (const Step& step : chain.steps) {
      marks_before_.push_back(marks);
      if (step.kind == Step::Kind::kMark) ++marks;
    }
    marks_before_.push_back(marks);
  }

  std::optional<Tdfa> run() {
    if (closure_.too_many_frontiers() || chain_.steps.size() > 0xfffe || chain_.marks > kMostMarks) return std::nullopt;
    std::vector<ByteSet> sets;
    for (const Step& step : chain_.steps) {
      if (step.kind != Step::Kind::kMark) sets.push_back(step.set);
    }
    if (closure_.has_frontiers()) sets.push_back(ByteSet::of(0));  // what stands before the beginning
    tdfa_.classes = partition(sets);
    list_of({});
    for (uint32_t mark = 0; mark < chain_.marks; ++mark)
      tdfa_.mark_register.push_back(register_of(accepting_step(), mark));
    tdfa_.end_register = register_of(accepting_step() + 1, 0);

    tdfa_.start = state_of(start_state(0));
    for (const uint8_t byte : tdfa_.classes.representative)
      tdfa_.start_after.push_back(state_of(start_state(byte)));
    while (tdfa_.matches.size() < states_.size()) {
      if (states_.size() > limits_.states || states_.size() * tdfa_.classes.count() > limits_.cells)
        return std::nullopt;
      expand(states_[tdfa_.matches.size()]);
    }
    tdfa_.states = static_cast<uint32_t>(states_.size());
    tdfa_.registers = static_cast<uint32_t>(registers_.size());
    if (!reduce_registers(tdfa_)) return std::nullopt;
    minimize_states();
    return std::move(tdfa_);
  }

  // As visitor of the closure.
  static void mark(Thread& thread, uint32_t mark) { thread.passed[mark >> 6U] |= uint64_t{1} << (mark & 63U); }
  void take(const Thread& thread, uint32_t, uint32_t to) {
    if (present_[to]) return;
    present_[to] = true;
    next_.threads.push_back(to);
    hand_on(thread, to);
  }
  void accept(const Thread& thread) {
    next_.matched = true;
    hand_on(thread, accepting_step());
    todo_.push_back({tdfa_.end_register, Tdfa::kPosition});
  }

 private:
  [[nodiscard]] uint32_t accepting_step() const { return static_cast<uint32_t>(chain_.steps.size()); }

  /// The registers of the thread at step `to` (or of the match) from those of `thread`.
  void hand_on(const Thread& thread, uint32_t to) {
    for (uint32_t mark = 0; mark < marks_before_[to]; ++mark) {
      const bool passed = thread.has_passed(mark);
      if (!passed && thread.origin == to) continue;
      todo_.push_back({register_of(to, mark), passed ? Tdfa::kPosition : register_of(thread.origin, mark)});
    }
  }

  uint32_t register_of(uint32_t step, uint32_t mark) {
    return registers_.try_emplace({step, mark}, static_cast<uint32_t>(registers_.size())).first->second;
  }

  uint32_t list_of(Tdfa::Operations operations) {
    const auto [at, inserted] = list_numbers_.try_emplace(operations, static_cast<uint32_t>(tdfa_.lists.size()));
    if (inserted) tdfa_.lists.push_back(std::move(operations));
    return at->second;
  }

  [[nodiscard]] State start_state(uint8_t before) const {
    return {{0}, closure_.before(before) & closure_.relevant(0), false};
  }

  uint32_t state_of(State state) {
    const auto [at, inserted] = numbers_.try_emplace(state.key(), static_cast<uint32_t>(states_.size()));
    if (inserted) states_.push_back(std::move(state));
    return at->second;
  }

  /// Where `state` goes on `byte` (-1: the end), into next_, and what it does to the registers, into todo_.
  void advance(const State& state, int byte) {
    next_ = State{{}, 0, state.matched};
    todo_.clear();
    present_.assign(present_.size(), false);
    closure_.begin({state.before, byte});
    bool cut = false;
    for (const uint32_t step : state.threads) {
      Thread thread;
      thread.origin = step;
      if (!closure_.explore(step, thread, *this)) {
        cut = true;
        break;
      }
    }
    // While nothing has matched, a match may begin at the next byte, with the least priority.
    if (!cut && !next_.matched && !chain_.anchored && byte >= 0 && !present_[0]) next_.threads.push_back(0);
    if (byte < 0) return;
    uint64_t relevant = 0;
    for (const uint32_t step : next_.threads)
      relevant |= closure_.relevant(step);
    next_.before = closure_.before(static_cast<uint8_t>(byte)) & relevant;
  }

  // By value: states_ grows meanwhile.
  void expand(const State state) {  // NOLINT(performance-unnecessary-value-param)
    for (const uint8_t byte : tdfa_.classes.representative) {
      advance(state, byte);
      tdfa_.next.push_back(state_of(std::move(next_)));
      tdfa_.operations.push_back(list_of(todo_));
    }
    advance(state, -1);
    tdfa_.matches.push_back(next_.matched);
    tdfa_.final_list.push_back(list_of(todo_));
  }

  void minimize_states() {
    Machine machine;
    machine.classes = tdfa_.classes.count();
    machine.next = std::move(tdfa_.next);
    machine.label = std::move(tdfa_.operations);
    for (uint32_t s = 0; s < tdfa_.states; ++s)
      machine.output.push_back(tdfa_.final_list[s] * 2 + (tdfa_.matches[s] ? 1 : 0));
    Minimized small = minimize(machine);
    tdfa_.states = small.machine.states();
    tdfa_.first_sink = small.first_sink;
    tdfa_.start = small.new_state[tdfa_.start];
    for (uint32_t& state : tdfa_.start_after)
      state = small.new_state[state];
    if (!closure_.has_frontiers()) {  // see dfa.cpp
      tdfa_.classes = merge(tdfa_.classes, merge_columns(small.machine));
      tdfa_.start_after.assign(tdfa_.classes.count(), tdfa_.start);
    }
    tdfa_.next = std::move(small.machine.next);
    tdfa_.operations = std::move(small.machine.label);
    tdfa_.matches.clear();
    tdfa_.final_list.clear();
    for (const uint32_t output : small.machine.output) {
      tdfa_.matches.push_back((output & 1U) != 0);
      tdfa_.final_list.push_back(output / 2);
    }
  }

  const Chain& chain_;
  Limits limits_;
  Closure closure_;
  std::vector<uint32_t> marks_before_;  // by step: marks [0, n) are set when a thread stands there
  Tdfa tdfa_;
  std::vector<State> states_;
  std::unordered_map<std::u16string, uint32_t> numbers_;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> registers_;
  std::map<Tdfa::Operations, uint32_t> list_numbers_;
  // while a state is expanded
  State next_;
  Tdfa::Operations todo_;
  std::vector<bool> present_;
};

}  // namespace

std::optional<Tdfa> make_tdfa(const Chain& chain, Limits limits) {
  return TdfaMaker(chain, limits).run();
}

std::optional<Match> run(const Tdfa& tdfa, const Chain& chain, std::string_view subject, size_t init) {
  std::vector<int64_t> registers(tdfa.registers);
  std::vector<int64_t> values;
  const auto perform = [&](uint32_t list, size_t position) {
    values.clear();
    for (const Tdfa::Operation& operation : tdfa.lists[list]) {
      values.push_back(operation.source == Tdfa::kPosition ? static_cast<int64_t>(position)
                                                           : registers[operation.source]);
    }
    for (size_t i = 0; i < values.size(); ++i)
      registers[tdfa.lists[list][i].destination] = values[i];
  };
  uint32_t state = init == 0 ? tdfa.start : tdfa.start_after[tdfa.classes.of[static_cast<uint8_t>(subject[init - 1])]];
  for (size_t i = init; i < subject.size() && state < tdfa.first_sink; ++i) {
    const size_t cell = size_t{state} * tdfa.classes.count() + tdfa.classes.of[static_cast<uint8_t>(subject[i])];
    perform(tdfa.operations[cell], i);
    state = tdfa.next[cell];
  }
  if (!tdfa.matches[state]) return std::nullopt;
  perform(tdfa.final_list[state], subject.size());
  std::vector<int64_t> marks;
  for (const uint32_t index : tdfa.mark_register)
    marks.push_back(registers[index]);
  return resolve(chain, static_cast<int64_t>(init), registers[tdfa.end_register], marks);
}

}  // namespace perilune::pattern
