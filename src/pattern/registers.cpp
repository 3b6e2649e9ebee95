#include "pattern/registers.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace perilune::pattern {
namespace {

constexpr uint32_t kMostRegisters = 2048;

/// A set of registers.
class Registers {
 public:
  explicit Registers(uint32_t count) : words_((count + 63) / 64) {}
  [[nodiscard]] bool has(uint32_t index) const { return ((words_[index / 64] >> (index % 64)) & 1U) != 0; }
  void add(uint32_t index) { words_[index / 64] |= uint64_t{1} << (index % 64); }
  void remove(uint32_t index) { words_[index / 64] &= ~(uint64_t{1} << (index % 64)); }
  /// Adds all of `other`; did that change anything?
  bool unite(const Registers& other) {
    bool changed = false;
    for (size_t i = 0; i < words_.size(); ++i) {
      changed = changed || (other.words_[i] & ~words_[i]) != 0;
      words_[i] |= other.words_[i];
    }
    return changed;
  }
  template <typename Function>
  void each(Function function) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t word = words_[i]; word != 0; word &= word - 1)
        function(static_cast<uint32_t>(i * 64) + static_cast<uint32_t>(__builtin_ctzll(word)));
    }
  }

 private:
  std::vector<uint64_t> words_;
};

class Reducer {
 public:
  explicit Reducer(Tdfa& tdfa)
      : tdfa_(tdfa),
        live_(tdfa.states, Registers(tdfa.registers)),
        results_(tdfa.registers),
        interferes_(tdfa.registers, Registers(tdfa.registers)),
        leader_(tdfa.registers) {
    std::iota(leader_.begin(), leader_.end(), 0U);
    for (const uint32_t index : tdfa.mark_register)
      results_.add(index);
    results_.add(tdfa.end_register);
  }

  void run() {
    find_live();
    drop_dead();
    find_interference();
    coalesce();
    share();
    renumber();
  }

 private:
  using Operations = Tdfa::Operations;

  /// What must be live before `list` when `after` is live after it.
  [[nodiscard]] Registers before(const Operations& list, const Registers& after) const {
    Registers live = after;
    for (const auto& operation : list)
      live.remove(operation.destination);
    for (const auto& operation : list) {
      if (operation.source != Tdfa::kPosition && after.has(operation.destination)) live.add(operation.source);
    }
    return live;
  }

  void find_live() {
    const uint32_t classes = tdfa_.classes.count();
    for (uint32_t s = 0; s < tdfa_.states; ++s) {
      if (tdfa_.matches[s]) live_[s].unite(before(tdfa_.lists[tdfa_.final_list[s]], results_));
    }
    for (bool changed = true; changed;) {
      changed = false;
      for (uint32_t s = tdfa_.states; s-- > 0;) {
        for (uint32_t c = 0; c < classes; ++c) {
          const size_t cell = size_t{s} * classes + c;
          const uint32_t next = tdfa_.next[cell];
          const Operations& list = tdfa_.lists[tdfa_.operations[cell]];
          if (list.empty() && next == s) continue;
          changed = live_[s].unite(list.empty() ? live_[next] : before(list, live_[next])) || changed;
        }
      }
    }
  }

  uint32_t list_of(std::map<Operations, uint32_t>& numbers, std::vector<Operations>& lists, Operations list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    const auto [at, inserted] = numbers.try_emplace(list, static_cast<uint32_t>(lists.size()));
    if (inserted) lists.push_back(std::move(list));
    return at->second;
  }

  /// Every transition's list rewritten by `function(list, live after it)`.
  template <typename Function>
  void rewrite(Function function) {
    std::map<Operations, uint32_t> numbers;
    std::vector<Operations> lists;
    list_of(numbers, lists, {});
    for (size_t cell = 0; cell < tdfa_.next.size(); ++cell) {
      uint32_t& list = tdfa_.operations[cell];
      list = list_of(numbers, lists, function(tdfa_.lists[list], live_[tdfa_.next[cell]]));
    }
    const Registers none(tdfa_.registers);
    for (uint32_t s = 0; s < tdfa_.states; ++s) {
      uint32_t& list = tdfa_.final_list[s];
      list = list_of(numbers, lists, function(tdfa_.lists[list], tdfa_.matches[s] ? results_ : none));
    }
    tdfa_.lists = std::move(lists);
  }

  void drop_dead() {
    rewrite([](const Operations& list, const Registers& live) {
      Operations kept;
      for (const auto& operation : list) {
        if (live.has(operation.destination)) kept.push_back(operation);
      }
      return kept;
    });
  }

  void interfere(uint32_t a, uint32_t b) {
    if (a == b) return;
    interferes_[a].add(b);
    interferes_[b].add(a);
  }

  void find_interference(const Operations& list, const Registers& live) {
    for (const auto& operation : list) {
      live.each([&](uint32_t other) {
        uint32_t other_source = other;  // what it holds afterwards
        for (const auto& written : list) {
          if (written.destination == other) other_source = written.source;
        }
        if (other_source != operation.source) interfere(operation.destination, other);
      });
    }
  }

  void find_interference() {
    for (size_t cell = 0; cell < tdfa_.next.size(); ++cell)
      find_interference(tdfa_.lists[tdfa_.operations[cell]], live_[tdfa_.next[cell]]);
    for (uint32_t s = 0; s < tdfa_.states; ++s) {
      if (tdfa_.matches[s]) find_interference(tdfa_.lists[tdfa_.final_list[s]], results_);
    }
    // The results are all read at once.
    results_.each([&](uint32_t a) { results_.each([&](uint32_t b) { interfere(a, b); }); });
  }

  [[nodiscard]] uint32_t find(uint32_t index) const {
    while (leader_[index] != index)
      index = leader_[index];
    return index;
  }

  void join(uint32_t a, uint32_t b) {
    a = find(a);
    b = find(b);
    if (a == b || interferes_[a].has(b)) return;
    leader_[b] = a;
    interferes_[b].each([&](uint32_t other) { interfere(a, find(other)); });
    // `other` may stand for registers that joined before: their leaders know of b; tell them of a.
    interferes_[a].unite(interferes_[b]);
  }

  /// Copies first, the most frequent first.
  void coalesce() {
    std::map<Tdfa::Operation, size_t> copies;
    for (const uint32_t list : tdfa_.operations) {
      for (const auto& operation : tdfa_.lists[list]) {
        if (operation.source != Tdfa::kPosition) ++copies[operation];
      }
    }
    for (const uint32_t list : tdfa_.final_list) {
      for (const auto& operation : tdfa_.lists[list]) {
        if (operation.source != Tdfa::kPosition) ++copies[operation];
      }
    }
    std::vector<std::pair<size_t, Tdfa::Operation>> order;
    order.reserve(copies.size());
    for (const auto& [operation, count] : copies)
      order.emplace_back(count, operation);
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (const auto& [count, operation] : order)
      join(operation.destination, operation.source);
  }

  /// Then whatever can share a register does.
  void share() {
    Registers used(tdfa_.registers);
    for (const Operations& list : tdfa_.lists) {
      for (const auto& operation : list)
        used.add(find(operation.destination));
    }
    std::vector<uint32_t> leaders;
    used.each([&](uint32_t index) { leaders.push_back(index); });
    for (size_t i = 0; i < leaders.size(); ++i) {
      for (size_t j = 0; j < i && find(leaders[i]) == leaders[i]; ++j) {
        if (find(leaders[j]) == leaders[j]) join(leaders[j], leaders[i]);
      }
    }
  }

  void renumber() {
    rewrite([&](const Operations& list, const Registers&) {
      Operations renamed;
      for (const auto& operation : list) {
        const uint32_t source = operation.source == Tdfa::kPosition ? Tdfa::kPosition : number(operation.source);
        const uint32_t destination = number(operation.destination);
        if (source != destination) renamed.push_back({destination, source});
      }
      return renamed;
    });
    for (uint32_t& index : tdfa_.mark_register)
      index = number(index);
    tdfa_.end_register = number(tdfa_.end_register);
    tdfa_.registers = static_cast<uint32_t>(new_numbers_.size());
  }
  uint32_t number(uint32_t index) {
    return new_numbers_.try_emplace(find(index), static_cast<uint32_t>(new_numbers_.size())).first->second;
  }

  Tdfa& tdfa_;
  std::vector<Registers> live_;  // by state
  Registers results_;
  std::vector<Registers> interferes_;
  std::vector<uint32_t> leader_;
  std::map<uint32_t, uint32_t> new_numbers_;
};

}  // namespace

bool reduce_registers(Tdfa& tdfa) {
  if (tdfa.registers > kMostRegisters) return false;
  Reducer(tdfa).run();
  return true;
}

}  // namespace perilune::pattern
