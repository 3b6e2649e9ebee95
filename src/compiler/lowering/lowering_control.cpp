// Jumps, conditions and loops.
//
//   if x < 3 then ... end      a comparison instruction, and a jump that it skips or not
//   for i = 1, 4 do ... end    few iterations, known: written out, each with its own constants
//   for i = 1, n do ... end    a loop of the compiled code; its iterations take from the packet's budget
#include <cmath>

#include <fmt/format.h>
#include <lua.h>

#include "compiler/lowering/lowering.h"
#include "ir/form/fold.h"

namespace perilune::compiler {

void Lowering::op_jump(int64_t target) {
  st_.top().pc = static_cast<uint32_t>(target);
  transfer();
}

// A condition known now: the next instruction (a jump) is carried out when it equals k, and skipped otherwise.
void Lowering::decided(bool condition, bool k) {
  if (condition != k) ++st_.top().pc;
}

// if (a condition b) != k then skip the next instruction
void Lowering::conditional_jump(ir::Condition condition, ir::Value a, ir::Value b, bool k) {
  const ir::BlockId yes = b_.new_block();
  const ir::BlockId no = b_.new_block();
  b_.branch(condition, a, b, yes, no);
  two_outcomes(yes, no, [&](bool truth) {
    know_most(truth ? condition : ir::inverse(condition), a, b);
    decided(truth, k);
  });
}

// Where a length has been compared, what is longer than strings may be that a filter makes is known not to be:
//   if #pld > 4000 then return end
void Lowering::know_most(ir::Condition condition, ir::Value a, ir::Value b) {
  using ir::Condition;
  int64_t limit = 0;
  ir::Value length = a;
  if (!b_.is_constant(b, limit)) {
    if (!b_.is_constant(a, limit)) return;
    length = b;
    condition = ir::mirrored(condition);
  }
  if (condition == Condition::kSlt) {
    --limit;
  } else if (condition != Condition::kSle && condition != Condition::kEq) {
    return;
  }
  if (limit < 0 || limit > kLongestMade) return;
  for (AbstractValue* value : flatten(st_)) {
    if ((value->kind == Kind::kView || value->kind == Kind::kDynamicString) && value->b == length &&
        value->most > kLongestMade) {
      value->most = limit;
    }
  }
}

void Lowering::op_test() {
  const AbstractValue value = reg(current_.a());
  const bool k = current_.k();
  if (value.kind == Kind::kMatch) {
    ir::BlockId yes = 0;
    ir::BlockId no = 0;
    test_match(value, nullptr, yes, no);
    return two_outcomes(yes, no, [&](bool truth) { decided(truth, k); });
  }
  if (const auto known = truth(value); known.has_value()) return decided(*known, k);
  // On each side the boolean is known.
  const ir::BlockId yes = b_.new_block();
  const ir::BlockId no = b_.new_block();
  b_.branch(ir::Condition::kNe, value.a, 0, yes, no);
  two_outcomes(yes, no, [&](bool truth) {
    set(current_.a(), AbstractValue::boolean(truth));
    decided(truth, k);
  });
}

// if (not R[B]) == k then skip else R[A] := R[B], jump
void Lowering::op_test_set() {
  const AbstractValue value = reg(current_.b());
  const bool k = current_.k();
  if (const auto known = truth(value); known.has_value()) {
    if (*known != k) {
      ++st_.top().pc;
    } else {
      set(current_.a(), value);
    }
    return;
  }
  const ir::BlockId yes = b_.new_block();
  const ir::BlockId no = b_.new_block();
  b_.branch(ir::Condition::kNe, value.a, 0, yes, no);
  two_outcomes(yes, no, [&](bool truth) {
    set(current_.b(), AbstractValue::boolean(truth));
    if (truth != k) {
      ++st_.top().pc;
    } else {
      set(current_.a(), AbstractValue::boolean(truth));
    }
  });
}

void Lowering::op_not() {
  const AbstractValue value = reg(current_.b());
  if (const auto known = truth(value); known.has_value()) return set(current_.a(), AbstractValue::boolean(!*known));
  set(current_.a(), AbstractValue::dynamic_boolean(b_.binary(ir::Op::kXor, value.a, 1)));
}

void Lowering::op_compare() {
  const Instruction i = current_;
  const bool k = i.k();
  const auto immediate = [&] {
    return i.c() != 0 ? AbstractValue::float_constant(i.sb()) : AbstractValue::integer_constant(i.sb());
  };
  switch (i.opcode()) {
    case Opcode::kEq:
      return compare_equal(reg(i.a()), reg(i.b()), k);
    case Opcode::kEqK:
      return compare_equal(reg(i.a()), constant(i.b()), k);
    case Opcode::kEqI:
      return compare_equal(reg(i.a()), AbstractValue::integer_constant(i.sb()), k);
    case Opcode::kLt:
      return compare_order(reg(i.a()), reg(i.b()), false, k);
    case Opcode::kLe:
      return compare_order(reg(i.a()), reg(i.b()), true, k);
    case Opcode::kLtI:
      return compare_order(reg(i.a()), immediate(), false, k);
    case Opcode::kLeI:
      return compare_order(reg(i.a()), immediate(), true, k);
    case Opcode::kGtI:
      return compare_order(immediate(), reg(i.a()), false, k);
    default:  // kGeI
      return compare_order(immediate(), reg(i.a()), true, k);
  }
}

void Lowering::compare_equal(const AbstractValue& first, const AbstractValue& second, bool k) {
  const AbstractValue a = first;
  const AbstractValue b = second;
  if (a.kind == Kind::kMatch || b.kind == Kind::kMatch) {
    const AbstractValue& match = a.kind == Kind::kMatch ? a : b;
    const AbstractValue& other = a.kind == Kind::kMatch ? b : a;
    if (other.kind == Kind::kString && !matches_[match.index].find) {
      ir::BlockId yes = 0;
      ir::BlockId no = 0;
      test_match(match, &other.string(), yes, no);
      return two_outcomes(yes, no, [&](bool truth) { decided(truth, k); });
    }
    // Not foldable: carry it out and come back to this instruction.
    --st_.top().pc;
    for (uint32_t r = 0; r < st_.top().registers.size(); ++r) {
      if (reg(r).kind == Kind::kMatch && reg(r).index == match.index) return force_match(r);
    }
  }
  if (a.is_constant() && b.is_constant()) {
    const auto equal = a.kind == Kind::kObject || b.kind == Kind::kObject
                           ? std::optional<bool>(a.kind == b.kind && a.object == b.object)
                           : world_->compare(LUA_OPEQ, a, b);
    if (a.kind == Kind::kObject && b.kind == Kind::kObject && a.object != b.object &&
        world_->type_of(a.object) == World::ObjectType::kTable &&
        world_->type_of(b.object) == World::ObjectType::kTable) {
      refuse_metamethod(a, "__eq");
      refuse_metamethod(b, "__eq");
    }
    return decided(equal.value_or(false), k);
  }
  if (a.is_integer() && (b.is_integer() || b.kind == Kind::kFloat)) {
    return compare_numbers(ir::Condition::kEq, a, b, k);
  }
  if (b.is_integer() && a.kind == Kind::kFloat) return compare_numbers(ir::Condition::kEq, b, a, k);
  if (a.is_boolean() && b.is_boolean()) return conditional_jump(ir::Condition::kEq, integer_of(a), integer_of(b), k);
  if (a.is_string() && b.is_string()) {
    const ir::BlockId yes = b_.new_block();
    const ir::BlockId no = b_.new_block();
    branch_equal(a, b, yes, no);
    return two_outcomes(yes, no, [&](bool truth) { decided(truth, k); });
  }
  if (a.kind == Kind::kView && b.kind == Kind::kView) {
    refuse("view-comparison", "two data views are compared: that asks whether they are the same object",
           "compare their bytes: tostring(a) == tostring(b)");
  }
  if (a.kind == b.kind && (a.kind == Kind::kTable || a.kind == Kind::kPacket)) {
    return decided(a.kind == Kind::kPacket || a.index == b.index, k);
  }
  if (a.kind == Kind::kClosure && b.kind == Kind::kClosure) {
    refuse("function-comparison", "two functions made at packet time are compared", "compare something else");
  }
  decided(false, k);
}

void Lowering::compare_numbers(ir::Condition condition, const AbstractValue& a, const AbstractValue& b, bool k) {
  using ir::Condition;
  AbstractValue other = b;
  if (b.kind == Kind::kFloat) {
    // x < 2.5 is x <= 2, x <= 2.5 likewise, x > 2.5 is x >= 3
    const double f = b.number;
    const bool less = condition == Condition::kSlt || condition == Condition::kSle;
    if (std::isnan(f)) return decided(false, k);
    if (f >= 0x1p63 || f < -0x1p63) {
      return decided(condition != Condition::kEq && (f > 0) == less, k);
    }
    const double whole = std::floor(f);
    if (whole != f) {
      if (condition == Condition::kEq) return decided(false, k);
      condition = less ? Condition::kSle : Condition::kSgt;
    }
    other = AbstractValue::integer_constant(static_cast<int64_t>(whole));
  }
  conditional_jump(condition, integer_of(a), integer_of(other), k);
}

void Lowering::compare_order(const AbstractValue& first, const AbstractValue& second, bool or_equal, bool k) {
  using ir::Condition;
  const AbstractValue a = first;
  const AbstractValue b = second;
  refuse_metamethod(a, or_equal ? "__le" : "__lt");
  refuse_metamethod(b, or_equal ? "__le" : "__lt");
  if (a.is_constant() && b.is_constant()) {
    if (const auto result = world_->compare(or_equal ? LUA_OPLE : LUA_OPLT, a, b); result.has_value())
      return decided(*result, k);
  } else if (a.is_integer() && (b.is_integer() || b.kind == Kind::kFloat)) {
    return compare_numbers(or_equal ? Condition::kSle : Condition::kSlt, a, b, k);
  } else if (a.kind == Kind::kFloat && b.is_integer()) {
    return compare_numbers(or_equal ? Condition::kSge : Condition::kSgt, b, a, k);
  } else if (a.is_string() && b.is_string()) {
    const ir::Value order = compare_strings(a, b);
    return conditional_jump(or_equal ? Condition::kSle : Condition::kSlt, order, number(0), k);
  }
  const std::string one = type_name(a);
  const std::string two = type_name(b);
  if (one == two) return fail(fmt::format("attempt to compare two {} values", one));
  fail(fmt::format("attempt to compare {} with {}", one, two));
}

// A loop that does not begin at an integer, or whose step is none: over floats, or not at all. Lua looks at the limit
// first, and takes texts for numbers.
void Lowering::fail_for(const AbstractValue& limit, const AbstractValue& step, const AbstractValue& start) {
  const std::pair<const AbstractValue*, const char*> parts[] = {
      {&limit, "limit"}, {&step, "step"}, {&start, "initial value"}};
  for (const auto& [value, name] : parts) {
    if (value->is_integer() || (value->is_constant() && world_->to_integer(*value).is_number)) continue;
    if (value->is_string() && value->kind != Kind::kString)
      refuse("string-arithmetic", "a loop whose bounds are strings", "convert them with tonumber(s, 10)");
    return fail(fmt::format("bad 'for' {} (number expected, got {})", name, type_name(*value)));
  }
  refuse("float", "a loop over floating-point numbers", "use integers");
}

// As forlimit of Lua: the integer that stands for a limit which is none. Nothing: no iteration, or the script has
// failed.
std::optional<AbstractValue> Lowering::for_limit(const AbstractValue& limit, const AbstractValue& step) {
  if (limit.is_string() && limit.kind != Kind::kString)
    refuse("string-arithmetic", "a loop whose limit is a string", "convert it with tonumber(s, 10)");
  const World::Conversion conversion = limit.is_constant() ? world_->to_integer(limit) : World::Conversion{};
  if (!conversion.is_number) {
    fail(fmt::format("bad 'for' limit (number expected, got {})", type_name(limit)));
    return std::nullopt;
  }
  if (conversion.integer.has_value()) return AbstractValue::integer_constant(*conversion.integer);
  if (step.kind != Kind::kInteger)
    refuse("float", "a loop with a step not known at load and a limit that is no integer", "use integers");
  const bool up = step.integer > 0;
  const double cut = up ? std::floor(conversion.number) : std::ceil(conversion.number);
  if (cut >= -0x1p63 && cut < 0x1p63) return AbstractValue::integer_constant(static_cast<int64_t>(cut));
  // Beyond all integers, or no number at all, which counts as far below.
  if ((conversion.number > 0) != up) return std::nullopt;
  return AbstractValue::integer_constant(up ? INT64_MAX : INT64_MIN);
}

// R[A] start, R[A+1] limit, R[A+2] step become R[A] index, R[A+1] iterations left, R[A+2] step; R[A+3] is the variable.
void Lowering::op_for_prep() {
  const Instruction i = current_;
  const uint32_t a = i.a();
  AbstractValue start = reg(a);
  AbstractValue limit = reg(a + 1);
  AbstractValue step = reg(a + 2);
  const uint32_t body = st_.top().pc;
  const uint32_t behind = body + i.bx() + 1;
  if (!start.is_integer() || !step.is_integer()) return fail_for(limit, step, start);
  if (step.kind == Kind::kInteger && step.integer == 0) return fail("'for' step is zero");
  if (step.kind != Kind::kInteger) {
    const ir::BlockId zero = b_.new_block();
    const ir::BlockId nonzero = b_.new_block();
    b_.branch(ir::Condition::kEq, step.a, 0, zero, nonzero);
    const State before = st_;
    b_.switch_to(zero);
    fail("'for' step is zero");
    ended_ = false;
    resume(nonzero, before);
  }
  if (!limit.is_integer()) {
    const std::optional<AbstractValue> cut = for_limit(limit, step);
    if (!cut.has_value()) {
      if (!ended_) st_.top().pc = behind;
      return;
    }
    limit = *cut;
  }
  const Loop* loop = st_.top().callee->code->info.loop_at(body);
  if (start.kind == Kind::kInteger && limit.kind == Kind::kInteger && step.kind == Kind::kInteger) {
    const bool skip = step.integer > 0 ? start.integer > limit.integer : start.integer < limit.integer;
    if (skip) {
      st_.top().pc = behind;
      return;
    }
    uint64_t count = step.integer > 0 ? static_cast<uint64_t>(limit.integer) - static_cast<uint64_t>(start.integer)
                                      : static_cast<uint64_t>(start.integer) - static_cast<uint64_t>(limit.integer);
    const uint64_t magnitude =
        step.integer > 0 ? static_cast<uint64_t>(step.integer) : uint64_t{0} - static_cast<uint64_t>(step.integer);
    count /= magnitude;
    set(a, start);
    set(a + 1, AbstractValue::integer_constant(static_cast<int64_t>(count)));
    set(a + 3, start);
    const uint64_t size = loop == nullptr ? 1 : loop->end - loop->begin + 1;
    const bool inner =
        loop != nullptr && std::ranges::any_of(st_.top().callee->code->info.loops, [&](const Loop& other) {
          return other.begin > loop->begin && other.end < loop->end;
        });
    if (count < 64 && (count + 1) * size <= (inner ? 200U : 800U)) {
      st_.top().rounds.push_back(body);
      st_.top().rounds.push_back(0);
    }
    transfer();
    return;
  }
  const ir::Value from = integer_of(start);
  const ir::Value to = integer_of(limit);
  const auto enter_loop = [&](ir::Value count) {
    set(a, start);
    set(a + 1, AbstractValue::dynamic_integer(count));
    set(a + 3, start);
    outcome();
  };
  const State before = st_;
  const auto with_direction = [&](bool up) {
    const ir::BlockId in = b_.new_block();
    const ir::BlockId out = b_.new_block();
    const State here = st_;
    b_.branch(up ? ir::Condition::kSgt : ir::Condition::kSlt, from, to, out, in);
    resume(in, here);
    const ir::Value distance = up ? b_.sub(to, from) : b_.sub(from, to);
    ir::Value count = distance;
    if (step.kind != Kind::kInteger) {
      count = b_.binary(ir::Op::kUdiv, distance, up ? step.a : b_.sub(number(0), step.a));
    } else if (step.integer != 1 && step.integer != -1) {
      const uint64_t magnitude =
          up ? static_cast<uint64_t>(step.integer) : uint64_t{0} - static_cast<uint64_t>(step.integer);
      count = b_.binary(ir::Op::kUdiv, distance, static_cast<int64_t>(magnitude));
    }
    enter_loop(count);
    resume(out, here);
    st_.top().pc = behind;
    outcome();
  };
  if (step.kind == Kind::kInteger) return with_direction(step.integer > 0);
  const ir::BlockId up = b_.new_block();
  const ir::BlockId down = b_.new_block();
  b_.branch(ir::Condition::kSgt, step.a, 0, up, down);
  resume(up, before);
  with_direction(true);
  resume(down, before);
  with_direction(false);
  ended_ = false;
}

void Lowering::op_for_loop() {
  const Instruction i = current_;
  const uint32_t a = i.a();
  const uint32_t body = st_.top().pc - i.bx();
  const AbstractValue left = reg(a + 1);
  const AbstractValue step = reg(a + 2);
  const AbstractValue index = reg(a);
  if (left.kind == Kind::kInteger && index.kind == Kind::kInteger && step.kind == Kind::kInteger) {
    if (left.integer == 0) return;
    const int64_t next =
        static_cast<int64_t>(static_cast<uint64_t>(index.integer) + static_cast<uint64_t>(step.integer));
    set(a, AbstractValue::integer_constant(next));
    set(a + 1, AbstractValue::integer_constant(static_cast<int64_t>(static_cast<uint64_t>(left.integer) - 1)));
    set(a + 3, AbstractValue::integer_constant(next));
    std::vector<uint32_t>& rounds = st_.top().rounds;
    if (st_.top().in_round_of(body)) ++rounds.back();
    st_.top().pc = body;
    transfer();
    return;
  }
  // Written out for paths that have met since, each with another number of iterations: a loop after all.
  if (st_.top().in_round_of(body)) st_.top().rounds.resize(st_.top().rounds.size() - 2);
  const ir::Value count = integer_of(left);
  const ir::BlockId again = b_.new_block();
  const ir::BlockId out = b_.new_block();
  b_.branch(ir::Condition::kNe, count, number(0), again, out);
  const State before = st_;
  b_.switch_to(again);
  const AbstractValue next = AbstractValue::dynamic_integer(b_.add(integer_of(index), integer_of(step)));
  set(a, next);
  set(a + 1, AbstractValue::dynamic_integer(b_.add(count, -1)));
  set(a + 3, next);
  st_.top().pc = body;
  outcome();
  resume(out, before);
  outcome();
}

// What a known function of C does is known at load, unless it has effects or remembers what it did before.
bool Lowering::is_library_iterator(const AbstractValue& function) {
  return function.kind == Kind::kObject && world_->is_pure(function.object);
}

// Going through a constant table with the library's iterators: every iteration is known.
void Lowering::op_tfor_prep() {
  const Instruction i = current_;
  if (!reg(i.a() + 3).is_nil())
    refuse("to-be-closed", "an iterator with a value to be closed is not compiled", "use ipairs, pairs or next");
  const AbstractValue& function = reg(i.a());
  if (is_library_iterator(function) && (reg(i.a() + 1).is_constant() || reg(i.a() + 1).kind == Kind::kTable) &&
      reg(i.a() + 2).is_constant()) {
    st_.top().rounds.push_back(st_.top().pc);
    st_.top().rounds.push_back(0);
  }
  st_.top().pc += i.bx();
}

// R[A+4], ... := R[A](R[A+1], R[A+2])
void Lowering::op_tfor_call() {
  const Instruction i = current_;
  const AbstractValue function = reg(i.a());
  const AbstractValue table = reg(i.a() + 1);
  const AbstractValue control = reg(i.a() + 2);
  Call call;
  call.result = i.a() + 4;
  call.wanted = static_cast<int32_t>(i.c());
  if (is_library_iterator(function) && table.is_constant() && control.is_constant()) {
    if (table.kind == Kind::kObject && world_->has_variable_fields(table.object)) {
      refuse("variable-table", "a table that the function also changes is gone through here",
             "keep what changes in variables of its own, or in a map");
    }
    const World::Evaluation evaluation = world_->evaluate(function, {table, control});
    check_evaluation(evaluation, "the iterator");
    if (evaluation.failed) return fail(evaluation.error);
    deliver(Frame::Return::kIterator, call.result, call.wanted, evaluation.results);
    return;
  }
  if (is_library_iterator(function) && table.kind == Kind::kTable && control.kind == Kind::kInteger) {
    // ipairs over a table made at packet time
    const int64_t next = control.integer + 1;
    const AbstractValue value = from_virtual(table.index, AbstractValue::integer_constant(next));
    return deliver(Frame::Return::kIterator, call.result, call.wanted,
                   value.is_nil() ? Values{} : Values{AbstractValue::integer_constant(next), value});
  }
  call.on_return = Frame::Return::kIterator;
  call_value(function, {table, control}, call);
}

// if R[A+4] ~= nil then { R[A+2] = R[A+4]; jump back }
void Lowering::op_tfor_loop() {
  const Instruction i = current_;
  const AbstractValue first = reg(i.a() + 4);
  if (first.is_nil()) return;
  set(i.a() + 2, first);
  st_.top().pc -= i.bx();
  auto& rounds = st_.top().rounds;
  if (st_.top().in_round_of(st_.top().pc) && ++rounds.back() > kMaxRounds) {
    refuse("too-large", fmt::format("a loop over more than {} entries of a table", kMaxRounds),
           "look a key up in the table instead of going through it");
  }
  transfer();
}

}  // namespace perilune::compiler
