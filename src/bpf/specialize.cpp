#include "bpf/specialize.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <functional>
#include <optional>
#include <vector>

#include "bpf/insn.h"

namespace perilune::bpf {
namespace {

using ir::Insn;

constexpr size_t kRegisters = 11;
constexpr uint8_t kLastArgument = BPF_REG_5;
constexpr unsigned kHalf = 32;  // bits, of an immediate in a wide instruction

using Number = std::optional<uint64_t>;
/// What the registers hold in front of an instruction, where it is the same on all ways there.
using Numbers = std::array<Number, kRegisters>;

uint64_t low_half(uint64_t value) {
  return value & UINT32_MAX;
}

/// Nothing: not worth knowing. `b` of a constant is sign-extended.
Number calculate(uint8_t operation, uint64_t a, uint64_t b, unsigned bits) {
  switch (operation) {
    case BPF_ADD:
      return a + b;
    case BPF_SUB:
      return a - b;
    case BPF_AND:
      return a & b;
    case BPF_OR:
      return a | b;
    case BPF_XOR:
      return a ^ b;
    case BPF_MUL:
      return a * b;
    case BPF_LSH:
      return a << (b % bits);
    case BPF_RSH:
      return a >> (b % bits);
    case BPF_MOV:
      return b;
    default:
      return std::nullopt;
  }
}

Number result_of(const Insn& insn, const Numbers& numbers) {
  const bool is_half = class_of(insn) == BPF_ALU;
  const uint8_t operation = BPF_OP(insn.code);
  if (insn.off != 0) return std::nullopt;  // signed ones of newer instruction sets
  const Number b = BPF_SRC(insn.code) == BPF_X ? numbers[insn.src] : static_cast<uint64_t>(int64_t{insn.imm});
  const Number a = operation == BPF_MOV ? Number{0} : numbers[insn.dst];
  if (!a || !b || operation == BPF_END) return std::nullopt;
  if (!is_half) return calculate(operation, *a, *b, 64);
  const Number result = calculate(operation, low_half(*a), low_half(*b), 32);
  return result ? Number{low_half(*result)} : std::nullopt;
}

std::optional<bool> outcome_of(const Insn& insn, const Numbers& numbers) {
  const Number x = numbers[insn.dst];
  const Number y = BPF_SRC(insn.code) == BPF_X ? numbers[insn.src] : static_cast<uint64_t>(int64_t{insn.imm});
  if (!x || !y) return std::nullopt;
  const bool is_half = class_of(insn) == BPF_JMP32;
  const uint64_t a = is_half ? low_half(*x) : *x;
  const uint64_t b = is_half ? low_half(*y) : *y;
  switch (BPF_OP(insn.code)) {
    case BPF_JEQ:
      return a == b;
    case BPF_JNE:
      return a != b;
    case BPF_JGT:
      return a > b;
    case BPF_JGE:
      return a >= b;
    case BPF_JLT:
      return a < b;
    case BPF_JLE:
      return a <= b;
    case BPF_JSET:
      return (a & b) != 0;
    default:
      return std::nullopt;
  }
}

class Specializer {
 public:
  Specializer(const RuntimeFunction& function, const RuntimeObject& runtime,
              const std::map<std::string, uint64_t>& constants)
      : function_(function) {
    std::erase_if(function_.references, [&](const RuntimeFunction::Reference& reference) {
      const auto found = constants.find(reference.symbol);
      if (reference.call || found == constants.end()) return false;
      function_.insns[reference.insn].imm = static_cast<int32_t>(found->second);
      function_.insns[reference.insn + 1].imm = static_cast<int32_t>(found->second >> kHalf);
      return true;
    });
    for (const auto& reference : function_.references) {
      refers_.insert(refers_.end(), reference.insn);
      const RuntimeFunction* callee = reference.call ? runtime.find(reference.symbol) : nullptr;
      if (callee != nullptr) arguments_[reference.insn] = static_cast<uint8_t>(callee->parameters.size());
      if (reference.call && reference.symbol == "filter") arguments_[reference.insn] = 2;  // context, slot
    }
    std::ranges::sort(refers_);
  }

  RuntimeFunction run() {
    keep_ = std::vector<bool>(function_.insns.size(), true);
    decide();
    drop_dead();
    drop_empty_jumps();
    compact();
    return std::move(function_);
  }

 private:
  [[nodiscard]] const std::vector<Insn>& insns() const { return function_.insns; }
  [[nodiscard]] bool refers(size_t at) const { return std::ranges::binary_search(refers_, static_cast<uint32_t>(at)); }
  [[nodiscard]] size_t width(size_t at) const { return is_wide(insns()[at]) ? 2 : 1; }

  // Jumps whose outcome is known become gotos or go; what cannot be reached goes.
  void decide() {
    before_.resize(insns().size());
    std::vector<size_t> open{0};
    before_[0] = Numbers{};
    while (!open.empty()) {
      const size_t at = open.back();
      open.pop_back();
      step(at, open);
    }
    for (size_t at = 0; at < insns().size(); at += width(at)) {
      Insn& insn = function_.insns[at];
      if (!before_[at]) {
        drop(at);
        continue;
      }
      if (!is_jump(insn) || is_goto(insn)) continue;
      const std::optional<bool> outcome = outcome_of(insn, *before_[at]);
      if (!outcome) continue;
      if (*outcome) {
        insn = {BPF_JMP | BPF_JA, 0, 0, insn.off, 0};
      } else {
        drop(at);
      }
    }
  }

  void step(size_t at, std::vector<size_t>& open) {
    const Insn& insn = insns()[at];
    Numbers after = *before_[at];
    if (is_exit(insn)) return;
    if (is_jump(insn)) {
      const std::optional<bool> outcome = is_goto(insn) ? true : outcome_of(insn, after);
      if (outcome.value_or(true)) arrive(static_cast<size_t>(target_of(insn, at)), after, open);
      if (!outcome.value_or(false)) arrive(at + 1, after, open);
      return;
    }
    if (is_call(insn)) {
      for (uint8_t reg = 0; reg <= kLastArgument; ++reg)
        after[reg].reset();
    } else if (is_wide(insn)) {
      after[insn.dst].reset();
      if (!refers(at) && insn.src == 0) {
        after[insn.dst] =
            static_cast<uint32_t>(insn.imm) | (uint64_t{static_cast<uint32_t>(insns()[at + 1].imm)} << kHalf);
      }
    } else if (is_arithmetic(insn)) {
      after[insn.dst] = result_of(insn, after);
    } else if (class_of(insn) == BPF_LDX || class_of(insn) == BPF_LD) {
      after[insn.dst].reset();
    } else if (class_of(insn) == BPF_STX && BPF_MODE(insn.code) == BPF_ATOMIC) {
      after[insn.src].reset();  // may be given what was there before
      after[BPF_REG_0].reset();
    }
    arrive(at + width(at), after, open);
  }

  void arrive(size_t at, const Numbers& numbers, std::vector<size_t>& open) {
    if (at >= insns().size()) return;
    if (!before_[at]) {
      before_[at] = numbers;
      open.push_back(at);
      return;
    }
    bool changed = false;
    for (size_t reg = 0; reg < kRegisters; ++reg) {
      Number& known = (*before_[at])[reg];
      if (!known || known == numbers[reg]) continue;
      known.reset();
      changed = true;
    }
    if (changed) open.push_back(at);
  }

  void drop(size_t at) {
    keep_[at] = false;
    if (is_wide(insns()[at])) keep_[at + 1] = false;
  }

  // What sets a register that is not read afterwards goes; what such instructions look at does not count.
  void drop_dead() {
    using Registers = std::bitset<kRegisters>;
    std::vector<Registers> live(insns().size() + 1);  // in front of each
    const auto live_after = [&](size_t at) {
      const Insn& insn = insns()[at];
      if (!keep_[at]) return live[at + width(at)];
      if (is_exit(insn)) return Registers{};
      Registers after;
      if (is_jump(insn)) after |= live[static_cast<size_t>(target_of(insn, at))];
      if (!is_goto(insn)) after |= live[at + width(at)];
      return after;
    };
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t at = insns().size(); at-- > 0;) {
        if (at > 0 && is_second_half(at)) continue;
        Registers now = live_after(at);
        const Insn& insn = insns()[at];
        if (keep_[at] && !(is_computation(insn) && !now[insn.dst])) {
          for (uint8_t reg = 0; reg < kRegisters; ++reg) {
            if (is_call(insn) ? reg >= BPF_REG_1 && reg <= arguments_of(at) : reads(insn, reg))
              now.set(reg);
            else if (writes(insn, reg))
              now.reset(reg);
          }
        }
        if (now == live[at]) continue;
        live[at] = now;
        changed = true;
      }
    }
    for (size_t at = 0; at < insns().size(); at += width(at)) {
      const Insn& insn = insns()[at];
      if (keep_[at] && is_computation(insn) && !live_after(at)[insn.dst]) drop(at);
    }
  }

  [[nodiscard]] bool is_second_half(size_t at) const {
    // No instruction has the code 0 but the second half of a wide one.
    return insns()[at].code == 0;
  }

  // Jumps to what follows anyway.
  void drop_empty_jumps() {
    for (size_t at = 0; at < insns().size(); at += width(at)) {
      if (!keep_[at] || !is_jump(insns()[at])) continue;
      const auto target = target_of(insns()[at], at);
      const auto next = static_cast<int32_t>(at) + 1;
      if (target < next) continue;
      if (std::none_of(keep_.begin() + next, keep_.begin() + target, std::identity())) drop(at);
    }
  }

  void compact() {
    std::vector<uint32_t> place(insns().size() + 1);
    uint32_t kept = 0;
    for (size_t at = 0; at < insns().size(); ++at) {
      place[at] = kept;
      if (keep_[at]) ++kept;
    }
    place[insns().size()] = kept;
    std::vector<Insn> all;
    all.reserve(kept);
    for (size_t at = 0; at < insns().size(); ++at) {
      if (!keep_[at]) continue;
      Insn insn = insns()[at];
      if (is_jump(insn)) {
        const auto target = static_cast<size_t>(target_of(insn, at));
        set_distance(insn, static_cast<int32_t>(place[target]) - static_cast<int32_t>(place[at]) - 1);
      }
      all.push_back(insn);
    }
    std::erase_if(function_.references, [&](const auto& reference) { return !keep_[reference.insn]; });
    for (auto& reference : function_.references)
      reference.insn = place[reference.insn];
    std::vector<RuntimeFunction::Line> lines;
    for (RuntimeFunction::Line& line : function_.lines) {
      line.insn = place[line.insn];
      if (line.insn >= kept) continue;
      // Of several whose instructions are gone the last tells what follows.
      if (!lines.empty() && lines.back().insn == line.insn) lines.pop_back();
      lines.push_back(std::move(line));
    }
    function_.lines = std::move(lines);
    function_.insns = std::move(all);
  }

  [[nodiscard]] uint8_t arguments_of(size_t call) const {
    const auto found = arguments_.find(static_cast<uint32_t>(call));
    if (found != arguments_.end()) return found->second;
    switch (insns()[call].src == 0 ? insns()[call].imm : 0) {
      case BPF_FUNC_get_smp_processor_id:
      case BPF_FUNC_ktime_get_tai_ns:
        return 0;
      case BPF_FUNC_xdp_get_buff_len:
        return 1;
      case BPF_FUNC_tail_call:
        return 3;
      default:
        return kLastArgument;
    }
  }

  RuntimeFunction function_;
  std::vector<uint32_t> refers_;
  std::map<uint32_t, uint8_t> arguments_;  // of calls, where they are known
  std::vector<std::optional<Numbers>> before_;
  std::vector<bool> keep_;
};

}  // namespace

RuntimeFunction specialize(const RuntimeFunction& function, const RuntimeObject& runtime,
                           const std::map<std::string, uint64_t>& constants) {
  if (function.insns.empty()) return function;
  return Specializer(function, runtime, constants).run();
}

}  // namespace perilune::bpf
