#include "compiler/lowering/state.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

namespace perilune::compiler {
namespace {

using Kind = AbstractValue::Kind;

// Walks through a state from its registers, with a list of what is left to look at: structures that scripts build may
// be deep.
class Compaction {
 public:
  explicit Compaction(State& state)
      : state_(&state), tables_(state.tables.size(), kUnmet), boxes_(state.boxes.size()) {}

  void run() {
    for (Frame& frame : state_->frames)
      roots(frame);
    drain();
    restore_registers();
    number_boxes();
    renumber();
  }

 private:
  static constexpr uint32_t kUnmet = UINT32_MAX;
  struct BoxPlace {
    bool captured = false;  // by a closure that is alive
    bool seen = false;      // its value was walked through
    uint32_t number = kUnmet;
  };

  // A register that is not read any more still refers to its box, since an assignment to it is one to the variable;
  // but it keeps no value alive.
  void roots(const Frame& frame) {
    const RegisterSet& live = frame.callee->code->info.live[frame.pc];
    for (size_t r = 0; r < frame.registers.size(); ++r) {
      if (frame.registers[r].kind != Kind::kBox) {
        visit(frame.registers[r]);
      } else if (live[r]) {
        see(frame.registers[r].index);
      }
      drain();
    }
    for (const AbstractValue& value : frame.varargs)
      visit(value);
    visit(*frame.callee);
    drain();
  }

  void visit(const Callee& callee) {
    for (const Binding& binding : callee.bindings) {
      if (!binding.boxed) continue;
      boxes_[binding.index].captured = true;
      see(binding.index);
    }
  }

  void visit(const AbstractValue& value) {
    if (value.kind == Kind::kClosure) return visit(*value.callee);
    if (value.kind != Kind::kTable || tables_[value.index] != kUnmet) return;
    tables_[value.index] = static_cast<uint32_t>(table_order_.size());
    table_order_.push_back(value.index);
    left_.push_back({true, value.index});
  }

  void see(uint32_t box) {
    if (boxes_[box].seen) return;
    boxes_[box].seen = true;
    box_order_.push_back(box);
    left_.push_back({false, box});
  }

  void drain() {
    while (!left_.empty()) {
      const auto [is_table, index] = left_.back();
      left_.pop_back();
      if (!is_table) {
        visit(state_->boxes[index]);
        continue;
      }
      for (const VirtualTable::Entry& entry : state_->tables[index].entries)
        visit(entry.value);
    }
  }

  // A variable that no closure has captured any more is a register again.
  void restore_registers() {
    for (Frame& frame : state_->frames) {
      for (AbstractValue& value : frame.registers) {
        if (value.kind != Kind::kBox || boxes_[value.index].captured) continue;
        value = boxes_[value.index].seen ? AbstractValue(state_->boxes[value.index]) : AbstractValue{};
      }
    }
  }

  void number_boxes() {
    std::erase_if(box_order_, [&](uint32_t box) { return !boxes_[box].captured; });
    for (uint32_t n = 0; n < box_order_.size(); ++n)
      boxes_[box_order_[n]].number = n;
  }

  void renumber() {
    std::vector<VirtualTable> tables;
    for (const uint32_t old : table_order_)
      tables.push_back(std::move(state_->tables[old]));
    std::vector<AbstractValue> boxes;
    for (const uint32_t old : box_order_)
      boxes.push_back(std::move(state_->boxes[old]));
    state_->tables = std::move(tables);
    state_->boxes = std::move(boxes);
    for (Frame& frame : state_->frames)
      renumber(frame.callee);
    for (AbstractValue* value : flatten(*state_)) {
      if (value->kind == Kind::kTable) value->index = tables_[value->index];
      if (value->kind == Kind::kBox) value->index = boxes_[value->index].number;
      if (value->kind == Kind::kClosure) renumber(value->callee);
    }
  }

  void renumber(std::shared_ptr<const Callee>& callee) {
    const auto stays = [&](const Binding& one) { return !one.boxed || boxes_[one.index].number == one.index; };
    if (std::ranges::all_of(callee->bindings, stays)) return;
    auto& known = renumbered_[callee.get()];
    if (!known) {
      auto changed = std::make_shared<Callee>(*callee);
      for (Binding& binding : changed->bindings) {
        if (binding.boxed) binding.index = boxes_[binding.index].number;
      }
      originals_.push_back(callee);
      known = std::move(changed);
    }
    callee = known;
  }

  State* state_;
  std::vector<uint32_t> tables_;  // new numbers by old ones
  std::vector<BoxPlace> boxes_;
  std::vector<uint32_t> table_order_;  // old numbers, as met
  std::vector<uint32_t> box_order_;
  std::vector<std::pair<bool, uint32_t>> left_;  // tables and boxes whose contents are still to be walked through
  std::unordered_map<const Callee*, std::shared_ptr<const Callee>> renumbered_;
  std::vector<std::shared_ptr<const Callee>> originals_;  // so that no address is met twice
};

}  // namespace

int64_t longest(const AbstractValue& value) {
  return value.kind == Kind::kString ? static_cast<int64_t>(value.string().size()) : value.most;
}
int64_t shortest(const AbstractValue& value) {
  return value.kind == Kind::kString ? static_cast<int64_t>(value.string().size()) : value.least;
}

bool same(const AbstractValue& a, const AbstractValue& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::kNone:
    case Kind::kNil:
    case Kind::kPacket:
      return true;
    case Kind::kBoolean:
    case Kind::kInteger:
      return a.integer == b.integer;
    case Kind::kFloat:
      return a.number == b.number && std::signbit(a.number) == std::signbit(b.number);
    case Kind::kString:
      return *a.text == *b.text;
    case Kind::kObject:
      return a.object == b.object;
    case Kind::kDynamicBoolean:
    case Kind::kDynamicInteger:
      return a.a == b.a;
    case Kind::kDynamicString:
    case Kind::kView:
      return a.a == b.a && a.b == b.b;
    case Kind::kAddress:
      return a.a == b.a && a.b == b.b && a.index == b.index;
    case Kind::kTable:
    case Kind::kMatch:
    case Kind::kBox:
      return a.index == b.index;
    case Kind::kClosure:
      return a.callee->code == b.callee->code && a.callee->bindings == b.callee->bindings;
  }
  return false;
}

char class_of(Kind kind) {
  switch (kind) {
    case Kind::kBoolean:
    case Kind::kDynamicBoolean:
      return 'b';
    case Kind::kInteger:
    case Kind::kDynamicInteger:
      return 'i';
    case Kind::kString:
    case Kind::kDynamicString:
      return 's';
    default:
      return 0;
  }
}

Parts parts_of(const State& state) {
  Parts parts;
  for (const Frame& frame : state.frames) {
    parts.top = parts.tables;
    parts.tables += frame.registers.size() + frame.varargs.size();
  }
  parts.boxes = parts.tables;
  for (const VirtualTable& table : state.tables)
    parts.boxes += table.entries.size();
  return parts;
}

std::vector<AbstractValue*> flatten(State& state) {
  std::vector<AbstractValue*> all;
  for (Frame& frame : state.frames) {
    for (AbstractValue& value : frame.registers)
      all.push_back(&value);
    for (AbstractValue& value : frame.varargs)
      all.push_back(&value);
  }
  for (VirtualTable& table : state.tables) {
    for (VirtualTable::Entry& entry : table.entries)
      all.push_back(&entry.value);
  }
  for (AbstractValue& value : state.boxes)
    all.push_back(&value);
  return all;
}

void clear_dead(State& state) {
  for (size_t depth = 0; depth < state.frames.size(); ++depth) {
    Frame& frame = state.frames[depth];
    const RegisterSet& live = frame.callee->code->info.live[frame.pc];
    const Frame* above = depth + 1 < state.frames.size() ? &state.frames[depth + 1] : nullptr;
    const bool results_open = above != nullptr && above->results_wanted < 0;
    for (size_t r = 0; r < frame.registers.size(); ++r) {
      const bool result = above != nullptr && r >= above->result_register &&
                          (results_open || r < above->result_register + static_cast<size_t>(above->results_wanted));
      if (frame.registers[r].kind == Kind::kBox) continue;  // see compact()
      if (!live[r] || result) frame.registers[r] = AbstractValue{};
    }
  }
}

void forget_dead(State& state) {
  clear_dead(state);
  for (Frame& frame : state.frames) {
    const FunctionInfo& info = frame.callee->code->info;
    const RegisterSet& live = info.live[frame.pc];
    // An open list that was taken does not tell states apart, nor does one that the call above will replace.
    if (&frame != &state.frames.back() || !frame.callee->code->prototype->code[frame.pc].takes_open_list())
      frame.top = 0;
    // Registers that were added for the results of a call (see kMaxRegisters) go when no instruction reads them any
    // more.
    while (frame.registers.size() > frame.callee->code->prototype->registers() && !live[frame.registers.size() - 1])
      frame.registers.pop_back();
    // Rounds of loops that were left.
    while (!frame.rounds.empty()) {
      const uint32_t begin = frame.rounds[frame.rounds.size() - 2];
      const bool stays = frame.rounds.back() >= Frame::kLoop;
      const auto inside = std::ranges::any_of(info.loops, [&](const Loop& loop) {
        return loop.begin == begin && loop.contains(frame.pc) && !(stays && loop.head == frame.pc);
      });
      if (inside) break;
      frame.rounds.resize(frame.rounds.size() - 2);
    }
  }
}

void compact(State& state) {
  if (!state.tables.empty() || !state.boxes.empty()) Compaction(state).run();
}

std::string shape_of(State& state) {
  std::string shape;
  for (const Frame& frame : state.frames) {
    shape += fmt::format("f{}.{}.{}.{}.{}.{}", frame.callee->code->number, frame.top, frame.result_register,
                         frame.results_wanted, static_cast<int>(frame.on_return), frame.varargs.size());
    for (const Binding& binding : frame.callee->bindings)
      shape += fmt::format("{}{}", binding.boxed ? 'B' : 'u', binding.index);
  }
  for (const VirtualTable& table : state.tables) {
    shape += 't';
    for (const VirtualTable::Entry& entry : table.entries)
      shape += entry.key.kind == Kind::kInteger ? fmt::format("[{}]", entry.key.integer)
                                                : fmt::format("[{}:{}]", entry.key.string().size(), entry.key.string());
  }
  shape += fmt::format("b{}|", state.boxes.size());
  for (const AbstractValue* value : flatten(state)) {
    const char letter = class_of(value->kind);
    if (letter != 0) {
      shape += letter;
      if (value->kind == Kind::kDynamicString && value->in_frame) shape += 'p';
      continue;
    }
    switch (value->kind) {
      case Kind::kNone:
        shape += '_';
        break;
      case Kind::kNil:
        shape += 'n';
        break;
      case Kind::kFloat:
        shape += fmt::format("F{:a}", value->number);
        break;
      case Kind::kObject:
        shape += fmt::format("o{}", value->object);
        break;
      case Kind::kView:
        shape += fmt::format("v{}{}", value->object, value->base == AbstractValue::kHeaders ? "h" : "p");
        break;
      case Kind::kAddress:
        shape += fmt::format("A{}", value->index);
        break;
      case Kind::kPacket:
        shape += 'P';
        break;
      case Kind::kTable:
        shape += fmt::format("T{}", value->index);
        break;
      case Kind::kClosure:
        shape += fmt::format("c{}", value->callee->code->number);
        for (const Binding& binding : value->callee->bindings)
          shape += fmt::format("{}{}", binding.boxed ? 'B' : 'u', binding.index);
        break;
      case Kind::kBox:
        shape += fmt::format("B{}", value->index);
        break;
      case Kind::kMatch:
        shape += fmt::format("m{}", value->index);
        break;
      default:
        shape += 'x';
    }
  }
  return shape;
}

std::vector<bool> boxes_written_by_closures(State& state) {
  std::vector<bool> written(state.boxes.size());
  if (written.empty()) return written;
  const auto note = [&](const Callee& callee) {
    for (size_t n = 0; n < callee.bindings.size(); ++n) {
      if (callee.bindings[n].boxed && callee.code->info.assigns_upvalue[n]) written[callee.bindings[n].index] = true;
    }
  };
  for (const Frame& frame : state.frames)
    note(*frame.callee);
  for (const AbstractValue* value : flatten(state)) {
    if (value->kind == Kind::kClosure) note(*value->callee);
  }
  return written;
}

}  // namespace perilune::compiler
