#include "pattern/minimize.h"

#include <map>
#include <string>
#include <unordered_map>

namespace perilune::pattern {
namespace {

/// Numbers equal keys alike, in order of appearance.
class Numbering {
 public:
  uint32_t number(const std::u32string& key) {
    return numbers_.try_emplace(key, static_cast<uint32_t>(numbers_.size())).first->second;
  }
  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(numbers_.size()); }

 private:
  std::unordered_map<std::u32string, uint32_t> numbers_;
};

}  // namespace

bool Machine::is_sink(uint32_t state) const {
  for (uint32_t c = 0; c < classes; ++c) {
    const size_t cell = size_t{state} * classes + c;
    if (next[cell] != state || (!label.empty() && label[cell] != 0)) return false;
  }
  return true;
}

Minimized minimize(const Machine& machine) {
  const uint32_t states = machine.states();
  const uint32_t classes = machine.classes;
  std::vector<uint32_t> block(states);
  uint32_t blocks = 0;
  {
    Numbering numbering;
    std::u32string key;
    for (uint32_t s = 0; s < states; ++s) {
      key.assign(1, static_cast<char32_t>(machine.output[s]));
      for (uint32_t c = 0; c < classes && !machine.label.empty(); ++c) {
        key.push_back(static_cast<char32_t>(machine.label[size_t{s} * classes + c]));
      }
      block[s] = numbering.number(key);
    }
    blocks = numbering.size();
  }
  for (;;) {
    Numbering numbering;
    std::vector<uint32_t> refined(states);
    std::u32string key;
    for (uint32_t s = 0; s < states; ++s) {
      key.assign(1, static_cast<char32_t>(block[s]));
      for (uint32_t c = 0; c < classes; ++c) {
        key.push_back(static_cast<char32_t>(block[machine.next[size_t{s} * classes + c]]));
      }
      refined[s] = numbering.number(key);
    }
    block = std::move(refined);
    if (numbering.size() == blocks) break;
    blocks = numbering.size();
  }
  std::vector<uint32_t> member(blocks);
  for (uint32_t s = states; s-- > 0;)
    member[block[s]] = s;

  // Sinks go last.
  const auto is_sink = [&](uint32_t b) {
    for (uint32_t c = 0; c < classes; ++c) {
      const size_t cell = size_t{member[b]} * classes + c;
      if (block[machine.next[cell]] != b || (!machine.label.empty() && machine.label[cell] != 0)) return false;
    }
    return true;
  };
  std::vector<uint32_t> place(blocks);
  uint32_t ordinary = 0;
  for (uint32_t b = 0; b < blocks; ++b) {
    if (!is_sink(b)) place[b] = ordinary++;
  }
  Minimized result;
  result.first_sink = ordinary;
  for (uint32_t b = 0; b < blocks; ++b) {
    if (is_sink(b)) place[b] = ordinary++;
  }
  Machine& small = result.machine;
  small.classes = classes;
  small.output.resize(blocks);
  small.next.resize(size_t{blocks} * classes);
  if (!machine.label.empty()) small.label.resize(small.next.size());
  for (uint32_t b = 0; b < blocks; ++b) {
    small.output[place[b]] = machine.output[member[b]];
    for (uint32_t c = 0; c < classes; ++c) {
      const size_t from = size_t{member[b]} * classes + c;
      const size_t to = size_t{place[b]} * classes + c;
      small.next[to] = place[block[machine.next[from]]];
      if (!machine.label.empty()) small.label[to] = machine.label[from];
    }
  }
  result.new_state.resize(states);
  for (uint32_t s = 0; s < states; ++s)
    result.new_state[s] = place[block[s]];
  return result;
}

std::vector<uint32_t> merge_columns(Machine& machine) {
  std::vector<uint32_t> new_class(machine.classes);
  std::vector<uint32_t> kept;
  std::map<std::u32string, uint32_t> columns;
  for (uint32_t c = 0; c < machine.classes; ++c) {
    std::u32string key;
    for (uint32_t s = 0; s < machine.states(); ++s) {
      key.push_back(static_cast<char32_t>(machine.next[size_t{s} * machine.classes + c]));
      if (!machine.label.empty()) key.push_back(static_cast<char32_t>(machine.label[size_t{s} * machine.classes + c]));
    }
    const auto [at, inserted] = columns.try_emplace(std::move(key), static_cast<uint32_t>(columns.size()));
    if (inserted) kept.push_back(c);
    new_class[c] = at->second;
  }
  Machine small;
  small.classes = static_cast<uint32_t>(kept.size());
  small.output = std::move(machine.output);
  for (uint32_t s = 0; s < small.states(); ++s) {
    for (const uint32_t c : kept) {
      small.next.push_back(machine.next[size_t{s} * machine.classes + c]);
      if (!machine.label.empty()) small.label.push_back(machine.label[size_t{s} * machine.classes + c]);
    }
  }
  machine = std::move(small);
  return new_class;
}

}  // namespace perilune::pattern
