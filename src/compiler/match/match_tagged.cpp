// A tagged automaton at packet time: one byte of the subject for each access to its table, and operations on registers
// in the slot where a transition has some.
//
// The property relied on: few transitions have operations (tdfa.h), and the states that no byte leaves are few. So a
// table's entry is the next row and, in its top byte, the number of a list of operations; rows that no byte leaves are
// the last; and "operations, or nothing more to read" is one comparison, entry >= first such row.
//
//   C:  while (p < end) {
//         entry = T[row + c[*p]];
//         if (entry >= SPECIAL) { perform(entry >> 24, p); row = entry & 0xffffff; if (row >= SPECIAL) break; }
//         else row = entry;
//         p++;
//       }
//       entry = T[row + END]; matched = (entry & 0xffffff) == YES; perform(entry >> 24, end);
//
// four bytes at a time where there are so many left. A list is a few loads and stores at fixed places of the slot;
// which one it is, is found by comparisons, halving what is left.
//
// The verifier: registers go through memory, so it never knows their values and paths merge. Operations at the end have
// code of their own: shared with the loop they would make a back edge whose end it cannot see.
#include <algorithm>
#include <bit>
#include <set>

#include "compiler/match/match_rows.h"
#include "compiler/match/match_ways.h"

namespace perilune::compiler {
namespace {

using ir::BlockId;
using ir::Condition;
using ir::Edge;
using ir::Op;
using ir::Value;
using pattern::Tdfa;

constexpr int64_t kListShift = 24;
constexpr int64_t kRowMask = 0xffffff;

class Tagged {
 public:
  Tagged(const MatchEmitter& emitter, const Tdfa& tdfa, BlockId no)
      : emitter_(emitter), b_(emitter.builder()), tdfa_(tdfa), no_(no) {
    // Rows: the states, then the two that the end leads to.
    classes_ = tdfa.classes.count() + 1;
    row_bytes_ = classes_ * 4;
    failed_ = tdfa.states * row_bytes_;
    matched_ = failed_ + row_bytes_;
    special_ = tdfa.first_sink * row_bytes_;
  }

  Found run(const pattern::Facts& facts, Candidate candidate) {
    make_table();
    Value from = candidate.position;
    Value row = ir::kNoValue;
    const std::optional<uint32_t> behind = candidate.prefix ? state_behind(facts.prefix) : std::nullopt;
    if (behind) {
      row = b_.constant(int64_t{*behind} * row_bytes_);
      from = b_.add(from, static_cast<int64_t>(facts.prefix.size()));
    } else {
      row = start_row(emitter_, tdfa_.classes, tdfa_.start, tdfa_.start_after, row_bytes_, from);
    }
    const BlockId finish = b_.new_block(1);  // the row in which the subject ends
    scan(from, row, finish);
    b_.switch_to(finish);
    const Value entry =
        b_.load(4, b_.offset(table_, b_.add(b_.parameters(finish)[0], int64_t{classes_ - 1} * 4), mask_), kRows);
    const Value last_row = b_.binary(Op::kAnd, entry, kRowMask);
    emitter_.require(Condition::kEq, last_row, b_.constant(matched_), Edge{no_, {}});
    std::set<uint32_t> lists;
    for (uint32_t state = 0; state < tdfa_.states; ++state) {
      if (tdfa_.matches[state]) lists.insert(tdfa_.final_list[state]);
    }
    perform({lists.begin(), lists.end()}, b_.binary(Op::kLshr, entry, kListShift), emitter_.end());
    Found found;
    found.end = load(tdfa_.end_register);
    for (const uint32_t index : tdfa_.mark_register)
      found.marks.push_back(load(index));
    return found;
  }

 private:
  static constexpr int32_t kRows = 512;  // where the rows stand, after the classes

  void make_table() {
    std::vector<uint8_t> bytes;
    for (unsigned c = 0; c < 256; ++c)
      append(bytes, tdfa_.classes.of[c] * 4U, 2);
    for (uint32_t state = 0; state < tdfa_.states; ++state) {
      for (uint32_t c = 0; c + 1 < classes_; ++c) {
        const size_t cell = size_t{state} * (classes_ - 1) + c;
        append(bytes, tdfa_.next[cell] * row_bytes_ | tdfa_.operations[cell] << kListShift, 4);
      }
      append(bytes, tdfa_.matches[state] ? matched_ | tdfa_.final_list[state] << kListShift : failed_, 4);
    }
    const size_t rows = size_t{tdfa_.states + 2} * row_bytes_;
    mask_ = static_cast<int64_t>(std::bit_ceil(rows)) - 1;
    table_ = emitter_.table(bytes, kRows + static_cast<size_t>(mask_) + 1 + 8);
  }

  /// As in match_automaton.cpp, where nothing is to be done on the way.
  [[nodiscard]] std::optional<uint32_t> state_behind(const std::vector<pattern::MaskedByte>& prefix) const {
    uint32_t state = tdfa_.start;
    for (const uint32_t other : tdfa_.start_after) {
      if (other != state) return std::nullopt;
    }
    for (const pattern::MaskedByte& byte : prefix) {
      const auto cell = [&](uint8_t value) { return size_t{state} * (classes_ - 1) + tdfa_.classes.of[value]; };
      const size_t one = cell(byte.value);
      const size_t other = cell(static_cast<uint8_t>(byte.value | ~byte.mask));
      if (tdfa_.next[one] != tdfa_.next[other] || tdfa_.operations[one] != 0 || tdfa_.operations[other] != 0) {
        return std::nullopt;
      }
      state = tdfa_.next[one];
    }
    return state;
  }

  [[nodiscard]] int32_t place(uint32_t index) const {
    return emitter_.context().scratch + static_cast<int32_t>(8 * index);
  }
  Value load(uint32_t index) { return b_.load(8, b_.slot(), place(index)); }

  /// Does the list whose number is `number`, one of `lists` (sorted); goes on in one block.
  void perform(const std::vector<uint32_t>& lists, Value number, Value position) {
    const BlockId join = b_.new_block();
    choose(lists, number, position, join);
    b_.switch_to(join);
  }
  void choose(std::span<const uint32_t> lists, Value number, Value position, BlockId join) {
    if (lists.size() > 1) {
      const size_t half = lists.size() / 2;
      const BlockId low = b_.new_block();
      const BlockId high = b_.new_block();
      b_.branch(Condition::kUlt, number, int64_t{lists[half]}, low, high);
      b_.switch_to(low);
      choose(lists.first(half), number, position, join);
      b_.switch_to(high);
      choose(lists.subspan(half), number, position, join);
      return;
    }
    std::vector<Value> sources;
    const Tdfa::Operations* list = lists.empty() ? nullptr : &tdfa_.lists[lists[0]];
    for (size_t i = 0; list != nullptr && i < list->size(); ++i)
      sources.push_back((*list)[i].source == Tdfa::kPosition ? position : load((*list)[i].source));
    for (size_t i = 0; i < sources.size(); ++i)
      b_.store(8, b_.slot(), place((*list)[i].destination), sources[i]);
    b_.jump(join);
  }

  Value step(Value row, Value memory, int32_t at) {
    const Value byte = b_.load(1, memory, at);
    const Value in_row = b_.load(2, b_.offset(table_, b_.binary(Op::kShl, byte, 1), 511), 0);
    return b_.load(4, b_.offset(table_, b_.add(row, in_row), mask_), kRows);
  }

  void scan(Value from, Value row, BlockId finish) {
    constexpr int32_t kAtOnce = 4;
    const Value last = b_.add(emitter_.end(), -kAtOnce);
    const BlockId header = emitter_.loop(2);
    const BlockId many = b_.new_block();
    const BlockId slow = b_.new_block();
    const BlockId one = emitter_.loop(2);
    const BlockId look = b_.new_block();
    const BlockId special = b_.new_block(2);  // position of the byte, entry
    b_.jump(header, {from, row});
    b_.switch_to(header);
    const Value p = b_.parameters(header)[0];
    Value now = b_.parameters(header)[1];
    b_.branch(Condition::kUle, p, last, many, slow);
    b_.switch_to(slow);
    b_.jump(one, {p, now});
    b_.switch_to(many);
    const Value memory = emitter_.pointer(p);
    for (int32_t at = 0; at < kAtOnce; ++at) {
      now = step(now, memory, at);
      emitter_.require(Condition::kUlt, now, b_.constant(special_), Edge{special, {b_.add(p, at), now}});
    }
    b_.jump(header, {b_.add(p, kAtOnce), now});

    b_.switch_to(one);
    const Value q = b_.parameters(one)[0];
    const Value row_at_q = b_.parameters(one)[1];
    b_.branch(Condition::kUlt, q, emitter_.end(), Edge{look, {}}, Edge{finish, {row_at_q}});
    b_.switch_to(look);
    const Value entry = step(row_at_q, emitter_.pointer(q), 0);
    emitter_.require(Condition::kUlt, entry, b_.constant(special_), Edge{special, {q, entry}});
    b_.jump(one, {b_.add(q, 1), entry});

    b_.switch_to(special);
    const Value position = b_.parameters(special)[0];
    const Value whole = b_.parameters(special)[1];
    const std::set<uint32_t> lists(tdfa_.operations.begin(), tdfa_.operations.end());
    perform({lists.begin(), lists.end()}, b_.binary(Op::kLshr, whole, kListShift), position);
    const Value next_row = b_.binary(Op::kAnd, whole, kRowMask);
    const BlockId on = b_.new_block();
    b_.branch(Condition::kUge, next_row, b_.constant(special_), Edge{finish, {next_row}}, Edge{on, {}});
    b_.switch_to(on);
    b_.jump(header, {b_.add(position, 1), next_row});
  }

  const MatchEmitter& emitter_;
  ir::Builder& b_;
  const Tdfa& tdfa_;
  BlockId no_;
  uint32_t classes_ = 0;
  uint32_t row_bytes_ = 0;
  uint32_t failed_ = 0;
  uint32_t matched_ = 0;
  uint32_t special_ = 0;
  Value table_ = ir::kNoValue;
  int64_t mask_ = 0;
};

}  // namespace

bool fits_tagged(const Tdfa& tdfa) {
  return tdfa.registers * 8 <= kMatchScratch && tdfa.lists.size() < 256 &&
         (tdfa.states + 2) * (tdfa.classes.count() + 1) * 4 <= static_cast<uint32_t>(kRowMask);
}

Found match_tagged(const MatchEmitter& emitter, const Tdfa& tdfa, const pattern::Facts& facts, Candidate candidate,
                   BlockId no) {
  return Tagged(emitter, tdfa, no).run(facts, candidate);
}

}  // namespace perilune::compiler
