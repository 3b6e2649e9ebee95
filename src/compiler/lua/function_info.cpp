#include "compiler/lua/function_info.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace perilune::compiler {
namespace {

class Collector {
 public:
  explicit Collector(Effects& effects) : effects_(&effects) {}
  void use(uint32_t reg) { set(effects_->uses, reg); }
  void define(uint32_t reg) { set(effects_->defines, reg); }
  void use_range(uint32_t first, uint32_t count) { range(effects_->uses, first, count); }
  void define_range(uint32_t first, uint32_t count) { range(effects_->defines, first, count); }
  // To the last register there can be: see kMaxRegisters.
  void use_from(uint32_t first) { range(effects_->uses, first, kMaxRegisters - first); }
  void define_from(uint32_t first) { range(effects_->defines, first, kMaxRegisters - first); }

 private:
  static void set(RegisterSet& registers, uint32_t reg) {
    if (reg < kMaxRegisters) registers.set(reg);
  }
  static void range(RegisterSet& registers, uint32_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i)
      set(registers, first + i);
  }
  Effects* effects_;
};

void call_effects(Collector& c, const Instruction i) {
  if (i.b() != 0) {
    c.use_range(i.a(), i.b());
  } else {
    c.use_from(i.a());
  }
  c.define_from(i.a());  // the frame of the callee overwrites whatever was above
}

// By upvalue: does the function, or one made in it, assign it? Functions are nested at most 200 deep (Lua's own limit).
std::vector<bool> assigned_upvalues(const Prototype& prototype) {
  std::vector<bool> assigned(prototype.upvalues.size());
  for (const Instruction i : prototype.code) {
    if (i.opcode() == Opcode::kSetUpvalue && i.b() < assigned.size()) assigned[i.b()] = true;
  }
  for (const Prototype& child : prototype.children) {
    const std::vector<bool> inner = assigned_upvalues(child);
    for (size_t n = 0; n < inner.size(); ++n) {
      const Upvalue& upvalue = child.upvalues[n];
      if (inner[n] && !upvalue.in_stack && upvalue.index < assigned.size()) assigned[upvalue.index] = true;
    }
  }
  return assigned;
}

// Successors of an instruction, at most two.
void successors(const Prototype& prototype, uint32_t pc, std::vector<uint32_t>& next) {
  next.clear();
  const Instruction i = prototype.code[pc];
  switch (i.opcode()) {
    case Opcode::kJmp:
      next.push_back(static_cast<uint32_t>(static_cast<int64_t>(pc) + 1 + i.sj()));
      return;
    case Opcode::kLFalseSkip:
      next.push_back(pc + 2);
      return;
    case Opcode::kEq:
    case Opcode::kLt:
    case Opcode::kLe:
    case Opcode::kEqK:
    case Opcode::kEqI:
    case Opcode::kLtI:
    case Opcode::kLeI:
    case Opcode::kGtI:
    case Opcode::kGeI:
    case Opcode::kTest:
    case Opcode::kTestSet:
      next = {pc + 1, pc + 2};
      return;
    case Opcode::kReturn:
    case Opcode::kReturn0:
    case Opcode::kReturn1:
      return;
    case Opcode::kForLoop:
      next = {pc + 1 - i.bx(), pc + 1};
      return;
    case Opcode::kForPrep:
      next = {pc + 1, pc + i.bx() + 2};
      return;
    case Opcode::kTForPrep:
      next.push_back(pc + 1 + i.bx());
      return;
    case Opcode::kTForLoop:
      next = {pc + 1 - i.bx(), pc + 1};
      return;
    case Opcode::kAdd:
    case Opcode::kSub:
    case Opcode::kMul:
    case Opcode::kMod:
    case Opcode::kPow:
    case Opcode::kDiv:
    case Opcode::kIDiv:
    case Opcode::kBAnd:
    case Opcode::kBOr:
    case Opcode::kBXor:
    case Opcode::kShl:
    case Opcode::kShr:
    case Opcode::kAddI:
    case Opcode::kAddK:
    case Opcode::kSubK:
    case Opcode::kMulK:
    case Opcode::kModK:
    case Opcode::kPowK:
    case Opcode::kDivK:
    case Opcode::kIDivK:
    case Opcode::kBAndK:
    case Opcode::kBOrK:
    case Opcode::kBXorK:
    case Opcode::kShrI:
    case Opcode::kShlI:
      next.push_back(pc + 2);  // after the instruction that calls a metamethod
      return;
    default:
      next.push_back(pc + 1);
  }
}

void find_loops(const Prototype& prototype, FunctionInfo& info) {
  std::vector<std::vector<bool>> by_children;
  for (const Prototype& child : prototype.children)
    by_children.push_back(assigned_upvalues(child));
  std::map<uint32_t, Loop> by_head;
  for (uint32_t pc = 0; pc < prototype.code.size(); ++pc) {
    const Instruction i = prototype.code[pc];
    Loop loop;
    loop.end = pc;
    switch (i.opcode()) {
      case Opcode::kForLoop:
        loop.kind = Loop::Kind::kNumeric;
        loop.head = loop.begin = pc + 1 - i.bx();
        break;
      case Opcode::kTForLoop:
        loop.kind = Loop::Kind::kGeneric;
        loop.head = pc - 1;  // the call of the iterator
        loop.begin = pc + 1 - i.bx();
        break;
      case Opcode::kJmp:
        if (i.sj() >= 0) continue;
        loop.head = loop.begin = static_cast<uint32_t>(static_cast<int64_t>(pc) + 1 + i.sj());
        break;
      default:
        continue;
    }
    const auto [at, inserted] = by_head.emplace(loop.head, loop);
    if (!inserted) at->second.end = std::max(at->second.end, loop.end);
  }
  for (auto& [head, loop] : by_head) {
    for (uint32_t pc = loop.begin; pc <= loop.end; ++pc) {
      loop.assigned |= effects_of(prototype, pc).defines;
      if (prototype.code[pc].opcode() != Opcode::kClosure) continue;
      const Prototype& child = prototype.children[prototype.code[pc].bx()];
      for (size_t n = 0; n < child.upvalues.size(); ++n) {
        if (child.upvalues[n].in_stack && by_children[prototype.code[pc].bx()][n])
          loop.assigned.set(child.upvalues[n].index);
      }
    }
    info.loops.push_back(loop);
  }
  std::ranges::sort(
      info.loops, [](const Loop& a, const Loop& b) { return a.begin != b.begin ? a.begin < b.begin : a.end > b.end; });
}

}  // namespace

Effects effects_of(const Prototype& prototype, size_t pc) {
  Effects effects;
  Collector c(effects);
  const Instruction i = prototype.code[pc];
  switch (i.opcode()) {
    case Opcode::kMove:
    case Opcode::kUnm:
    case Opcode::kBNot:
    case Opcode::kNot:
    case Opcode::kLen:
    case Opcode::kGetI:
    case Opcode::kGetField:
    case Opcode::kAddI:
    case Opcode::kAddK:
    case Opcode::kSubK:
    case Opcode::kMulK:
    case Opcode::kModK:
    case Opcode::kPowK:
    case Opcode::kDivK:
    case Opcode::kIDivK:
    case Opcode::kBAndK:
    case Opcode::kBOrK:
    case Opcode::kBXorK:
    case Opcode::kShrI:
    case Opcode::kShlI:
      c.use(i.b());
      c.define(i.a());
      break;
    case Opcode::kTestSet:  // sets the register on one side only: on the other it keeps its value
      c.use(i.b());
      c.use(i.a());
      c.define(i.a());
      break;
    case Opcode::kLoadI:
    case Opcode::kLoadF:
    case Opcode::kLoadK:
    case Opcode::kLoadKx:
    case Opcode::kLoadFalse:
    case Opcode::kLFalseSkip:
    case Opcode::kLoadTrue:
    case Opcode::kGetUpvalue:
    case Opcode::kGetTabUp:
    case Opcode::kNewTable:
      c.define(i.a());
      break;
    case Opcode::kLoadNil:
      c.define_range(i.a(), i.b() + 1);
      break;
    case Opcode::kSetUpvalue:
    case Opcode::kTest:
    case Opcode::kEqK:
    case Opcode::kEqI:
    case Opcode::kLtI:
    case Opcode::kLeI:
    case Opcode::kGtI:
    case Opcode::kGeI:
    case Opcode::kTbc:
    case Opcode::kReturn1:
      c.use(i.a());
      break;
    case Opcode::kSetTabUp:
      if (!i.k()) c.use(i.c());
      break;
    case Opcode::kGetTable:
    case Opcode::kAdd:
    case Opcode::kSub:
    case Opcode::kMul:
    case Opcode::kMod:
    case Opcode::kPow:
    case Opcode::kDiv:
    case Opcode::kIDiv:
    case Opcode::kBAnd:
    case Opcode::kBOr:
    case Opcode::kBXor:
    case Opcode::kShl:
    case Opcode::kShr:
      c.use(i.b());
      c.use(i.c());
      c.define(i.a());
      break;
    case Opcode::kSetTable:
      c.use(i.a());
      c.use(i.b());
      if (!i.k()) c.use(i.c());
      break;
    case Opcode::kSetI:
    case Opcode::kSetField:
      c.use(i.a());
      if (!i.k()) c.use(i.c());
      break;
    case Opcode::kSelf:
      c.use(i.b());
      if (!i.k()) c.use(i.c());
      c.define_range(i.a(), 2);
      break;
    case Opcode::kMMBin:
    case Opcode::kMMBinI:
    case Opcode::kMMBinK:
      break;  // never executed: see the lowering of arithmetic
    case Opcode::kConcat:
      c.use_range(i.a(), i.b());
      c.define_range(i.a(), i.b());
      break;
    case Opcode::kEq:
    case Opcode::kLt:
    case Opcode::kLe:
      c.use(i.a());
      c.use(i.b());
      break;
    case Opcode::kCall:
    case Opcode::kTailCall:
      call_effects(c, i);
      break;
    case Opcode::kReturn:
      if (i.b() != 0) {
        c.use_range(i.a(), i.b() - 1);
      } else {
        c.use_from(i.a());
      }
      break;
    case Opcode::kForLoop:
      c.use_range(i.a(), 3);
      c.define(i.a());
      c.define(i.a() + 1);
      c.define(i.a() + 3);
      break;
    case Opcode::kForPrep:
      c.use_range(i.a(), 3);
      c.define_range(i.a(), 4);
      break;
    case Opcode::kTForPrep:
      c.use(i.a() + 3);
      break;
    case Opcode::kTForCall:
      c.use_range(i.a(), 3);
      c.define_from(i.a() + 4);
      break;
    case Opcode::kTForLoop:
      c.use(i.a() + 4);
      c.define(i.a() + 2);
      break;
    case Opcode::kSetList:
      c.use(i.a());
      if (i.b() != 0) {
        c.use_range(i.a() + 1, i.b());
      } else {
        c.use_from(i.a() + 1);
      }
      break;
    case Opcode::kClosure:
      if (i.bx() < prototype.children.size()) {
        for (const Upvalue& upvalue : prototype.children[i.bx()].upvalues) {
          if (upvalue.in_stack && upvalue.index != i.a()) c.use(upvalue.index);
        }
      }
      c.define(i.a());
      break;
    case Opcode::kVarArg:
      if (i.c() == 0) {
        c.define_from(i.a());
      } else {
        c.define_range(i.a(), i.c() - 1);
      }
      break;
    case Opcode::kReturn0:
    case Opcode::kJmp:
    case Opcode::kClose:
    case Opcode::kVarArgPrep:
    case Opcode::kExtraArg:
      break;
  }
  return effects;
}

const Loop* FunctionInfo::loop_at(uint32_t pc) const {
  for (const Loop& loop : loops) {
    if (loop.head == pc) return &loop;
  }
  return nullptr;
}

FunctionInfo analyse(const Prototype& prototype) {
  FunctionInfo info;
  const size_t count = prototype.code.size();
  info.joins.assign(count + 2, false);
  info.live.assign(count + 2, {});
  info.assigns_upvalue = assigned_upvalues(prototype);
  info.first_jump.resize(count + 2);
  std::iota(info.first_jump.begin(), info.first_jump.end(), 0);
  std::vector<Effects> effects(count);
  std::vector<std::vector<uint32_t>> next(count);
  for (uint32_t pc = 0; pc < count; ++pc) {
    effects[pc] = effects_of(prototype, pc);
    successors(prototype, pc, next[pc]);
    if (prototype.code[pc].opcode() == Opcode::kJmp) {
      uint32_t& first = info.first_jump[static_cast<size_t>(int64_t{pc} + 1 + prototype.code[pc].sj())];
      first = std::min(first, pc);
    }
    if (next[pc].size() == 1 && next[pc][0] == pc + 1) continue;
    for (const uint32_t target : next[pc]) {
      if (target < count) info.joins[target] = true;
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t pc = count; pc-- > 0;) {
      RegisterSet live;
      for (const uint32_t target : next[pc]) {
        if (target < count) live |= info.live[target];
      }
      live &= ~effects[pc].defines;
      live |= effects[pc].uses;
      if (live != info.live[pc]) {
        info.live[pc] = live;
        changed = true;
      }
    }
  }
  find_loops(prototype, info);
  return info;
}

}  // namespace perilune::compiler
