// Calls and returns. A Lua function that is known is walked into; a library function has a handler; the end of the
// entry point is the packet's verdict.
#include <array>

#include <fmt/format.h>

#include "base/spelling.h"
#include "compiler/lowering/lowering.h"

namespace perilune::compiler {

void Lowering::op_call(bool tail) {
  const Instruction i = current_;
  Frame& frame = st_.top();
  const AbstractValue function = reg(i.a());
  Values arguments;
  const uint32_t end = i.b() != 0 ? i.a() + i.b() : frame.top;
  for (uint32_t r = i.a() + 1; r < end; ++r)
    arguments.push_back(reg(r));
  Call call;
  call.result = i.a();
  call.wanted = tail ? -1 : static_cast<int32_t>(i.c()) - 1;
  call.on_return = tail ? Frame::Return::kTail : Frame::Return::kCall;
  call_value(function, std::move(arguments), std::move(call));
}

void Lowering::call_value(const AbstractValue& callable, Values arguments, Call call) {
  AbstractValue function = callable;
  for (size_t hops = 0; function.kind == Kind::kObject; ++hops) {
    if (world_->type_of(function.object) != World::ObjectType::kTable) break;
    AbstractValue called = world_->metafield(function.object, "__call");
    if (called.is_nil()) break;
    if (hops == kMaxDepth)
      refuse("metamethod", fmt::format("a call goes through more than {} tables by __call", kMaxDepth),
             "call a function by name");
    arguments.insert(arguments.begin(), std::move(function));
    function = std::move(called);
  }
  if (function.kind == Kind::kClosure) return enter(function.callee, std::move(arguments), call);
  if (function.kind == Kind::kObject) {
    switch (world_->type_of(function.object)) {
      case World::ObjectType::kLuaFunction: {
        auto callee = world_->callee_of(function.object);
        if (!callee) refuse("bytecode", callee.error().message, "");
        return enter(*callee, std::move(arguments), call);
      }
      case World::ObjectType::kBuiltin:
        call.name = world_->builtin_name(function.object);
        call.arguments = std::move(arguments);
        return call_library(call, function.object);
      case World::ObjectType::kOther:
        if (world_->lua_type_of(function.object) == "function")
          refuse("unknown-function", "a function of a library that the compiler does not know is called",
                 "use the functions listed in docs/kernel-lua.md");
        break;
      default:
        break;
    }
  }
  if (function.kind == Kind::kTable && !st_.tables[function.index].entries.empty() &&
      st_.tables[function.index].entries[0].key.kind == Kind::kInteger &&
      st_.tables[function.index].entries[0].key.integer == kGmatchMark) {
    return gmatch_next(function.index, call);
  }
  if (function.kind == Kind::kNone && function.text != nullptr) {  // a method of a view, map, string: see op_self
    call.name = function.string();
    call.arguments = std::move(arguments);
    return call_library(call, 0);
  }
  fail(fmt::format("attempt to call a {} value{}", type_name(function), name_of_register(current_.a())));
}

void Lowering::enter(std::shared_ptr<const Callee> callee, Values arguments, const Call& call) {
  const FunctionCode* code_entered = callee->code;
  const bool within_itself =
      recursive_.contains(code_entered) &&
      std::ranges::any_of(st_.frames, [&](const Frame& frame) { return frame.callee->code == code_entered; });
  if (st_.frames.size() >= kMaxDepth || within_itself) {
    recursive_.insert(code_entered);
    refuse("recursion", fmt::format("calls go deeper than {}", kMaxDepth),
           "recursion is written out, so it must end by itself at a depth known at load: use a loop");
  }
  const Prototype& code = *callee->code->prototype;
  Frame frame;
  frame.callee = std::move(callee);
  frame.registers.resize(code.registers());
  for (size_t p = 0; p < code.parameters; ++p)
    frame.registers[p] = p < arguments.size() ? arguments[p] : AbstractValue::nil();
  if (code.vararg) {
    for (size_t p = code.parameters; p < arguments.size(); ++p)
      frame.varargs.push_back(arguments[p]);
  }
  frame.result_register = call.result;
  frame.results_wanted = call.wanted;
  frame.on_return = call.on_return;
  st_.frames.push_back(std::move(frame));
  if (version_count_ > kMaxVersions || function_.blocks.size() > kMaxBlocks) refuse_as_too_large();
}

void Lowering::op_return(uint32_t first, int32_t count) {
  const uint32_t end = count < 0 ? st_.top().top : first + static_cast<uint32_t>(count);
  Values results;
  for (uint32_t r = first; r < end; ++r)
    results.push_back(reg(r));
  return_line_ = prototype().line(current_pc_);
  return_from(results);
}

// Pops the function that returns.
void Lowering::return_from(const Values& results) {
  const Frame frame = std::move(st_.frames.back());
  if (st_.frames.size() == 1) {
    st_.frames.back() = frame;  // for places in messages
    return verdict(results);
  }
  st_.frames.pop_back();
  deliver(frame.on_return, frame.result_register, frame.results_wanted, results);
}

// Hands results to the running function.
void Lowering::deliver(Frame::Return kind, uint32_t result, int32_t wanted, const Values& results) {
  if (kind == Frame::Return::kTail) return return_from(results);
  Frame& frame = st_.top();
  const size_t count = wanted < 0 ? results.size() : static_cast<size_t>(wanted);
  if (result + count + 1 > kMaxRegisters) {
    refuse("too-many-results", fmt::format("{} results are passed on at once", count),
           fmt::format("take fewer than {} at a time", kMaxRegisters / 2));
  }
  if (result + count + 1 > frame.registers.size()) frame.registers.resize(result + count + 1);
  for (size_t n = 0; n < count; ++n)
    set(result + static_cast<uint32_t>(n), n < results.size() ? results[n] : AbstractValue::nil());
  if (wanted < 0) frame.top = result + static_cast<uint32_t>(count);
}

// A library function is done on this path.
void Lowering::finish(const Call& call, const Values& results) {
  const bool was_ended = ended_;
  ended_ = false;
  return_line_ = prototype().line(current_pc_);
  deliver(call.on_return, call.result, call.wanted, results);
  if (!ended_) outcome();
  ended_ = was_ended;
}

void Lowering::return_verdict(uint64_t verdict) {
  const uint64_t line = return_line_;
  if (verdict == PL_REPLY) image_.replies = true;
  if (verdict == PL_REJECT) image_.rejects = true;
  b_.ret(number(static_cast<int64_t>(verdict | (line << PL_LINE_SHIFT))));
  ended_ = true;
}

void Lowering::verdict(const Values& results) {
  const AbstractValue value = results.empty() ? AbstractValue::nil() : results[0];
  constexpr const char* kExpected = "return true, false, nil, 'pass', 'block', 'reject' or 'reply'";
  const std::string& name = world_->state().options().function;
  const auto wrong = [&](const std::string& what, ir::Value first = ir::kNoValue) {
    fail_at(return_line_, fmt::format("{} returned {}; {}", name, what, kExpected), first);
  };
  static constexpr std::pair<std::string_view, uint64_t> kVerdicts[] = {
      {"pass", PL_PASS}, {"block", PL_BLOCK}, {"reject", PL_REJECT}, {"reply", PL_REPLY}};
  switch (value.kind) {
    case Kind::kNil:
    case Kind::kNone:
      return return_verdict(PL_NO_OPINION);
    case Kind::kBoolean:
      return return_verdict(value.integer != 0 ? PL_PASS : PL_BLOCK);
    case Kind::kDynamicBoolean: {
      // pass is 0 and block 1
      const uint64_t line = return_line_;
      const ir::Value verdict = b_.binary(ir::Op::kXor, value.a, 1);
      b_.ret(b_.binary(ir::Op::kOr, verdict, static_cast<int64_t>(line << PL_LINE_SHIFT)));
      ended_ = true;
      return;
    }
    case Kind::kString: {
      std::array<std::string_view, std::size(kVerdicts)> words;
      for (size_t n = 0; n < words.size(); ++n) {
        const auto& [text, number] = kVerdicts[n];
        if (value.string() == text) return return_verdict(number);
        words[n] = text;
      }
      return wrong(describe_string(value.string()) + aside(did_you_mean(value.string(), words)));
    }
    case Kind::kDynamicString: {
      const State before = st_;
      for (const auto& [text, number] : kVerdicts) {
        const ir::BlockId yes = b_.new_block();
        const ir::BlockId no = b_.new_block();
        branch_equal(value, AbstractValue::string_constant(std::string(text)), yes, no);
        resume(yes, before);
        return_verdict(number);
        resume(no, before);
      }
      return wrong("a string of the packet");
    }
    case Kind::kInteger:
      return wrong(fmt::format("the number {}", value.integer));
    case Kind::kFloat:
      return wrong(fmt::format("the number {}", value.number));
    case Kind::kDynamicInteger:
      return wrong("the number {0}", value.a);
    case Kind::kView:
    case Kind::kPacket:
      return wrong("an object (userdata)");
    case Kind::kObject:
      if (world_->lua_type_of(value.object) == "userdata") return wrong("an object (userdata)");
      return wrong(fmt::format("a {}", world_->lua_type_of(value.object)));
    default:
      return wrong(fmt::format("a {}", type_name(value)));
  }
}

// The variable in a register, as a closure refers to it: all closures that capture it share one box.
Binding Lowering::capture(uint32_t register_index) {
  AbstractValue& variable = st_.top().registers[register_index];
  if (variable.kind != Kind::kBox) {
    AbstractValue box = AbstractValue::of(Kind::kBox);
    box.index = static_cast<uint32_t>(st_.boxes.size());
    st_.boxes.push_back(std::exchange(variable, std::move(box)));
  }
  return {true, variable.index};
}

void Lowering::op_closure() {
  const Instruction i = current_;
  const Prototype& child = prototype().children[i.bx()];
  const FunctionCode& parent = *st_.top().callee->code;
  auto callee = std::make_shared<Callee>();
  callee->code = &world_->code_of(child, "@" + world_->files()[parent.file]);
  for (const Upvalue& upvalue : child.upvalues)
    callee->bindings.push_back(upvalue.in_stack ? capture(upvalue.index) : binding_of(upvalue.index));
  AbstractValue value = AbstractValue::of(Kind::kClosure);
  value.callee = std::move(callee);
  set(i.a(), std::move(value));
}

void Lowering::op_vararg() {
  const Instruction i = current_;
  const Values varargs = st_.top().varargs;
  deliver(Frame::Return::kCall, i.a(), static_cast<int32_t>(i.c()) - 1, varargs);
}

// Variables from R[A] on end here: closures keep them, the registers will be others.
void Lowering::op_close() {
  std::vector<AbstractValue>& registers = st_.top().registers;
  for (size_t r = current_.a(); r < registers.size(); ++r) {
    if (registers[r].kind == Kind::kBox) registers[r] = AbstractValue(st_.boxes[registers[r].index]);
  }
}

}  // namespace perilune::compiler
