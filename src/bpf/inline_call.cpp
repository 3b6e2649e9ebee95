#include "bpf/inline_call.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include <linux/bpf.h>

#include "bpf/insn.h"

namespace perilune::bpf {
namespace {

using ir::Insn;

constexpr size_t kMostInsns = 8192;  // the kernel writes several for some of them; jumps reach 32,767
constexpr int32_t kMostStack = 400;  // of the 512 bytes for all frames: what is called meanwhile needs some
constexpr std::array<uint8_t, 4> kPreserved{BPF_REG_6, BPF_REG_7, BPF_REG_8, BPF_REG_9};             // by calls
constexpr std::array<uint8_t, 5> kDestroyed{BPF_REG_1, BPF_REG_2, BPF_REG_3, BPF_REG_4, BPF_REG_5};  // by calls
constexpr int32_t kCell = 8;

/// Loads and stores of the function's own stack.
bool touches_stack(const Insn& insn) {
  const uint8_t kind = class_of(insn);
  if (kind == BPF_LDX) return insn.src == BPF_REG_10;
  return (kind == BPF_ST || kind == BPF_STX) && insn.dst == BPF_REG_10;
}

bool copies_frame_pointer(const Insn& insn) {
  const uint8_t kind = class_of(insn);
  return (kind == BPF_ALU64 || kind == BPF_ALU) && BPF_SRC(insn.code) == BPF_X && insn.src == BPF_REG_10;
}

/// Bytes of stack, a multiple of 8. A copy of the frame pointer may go anywhere: then all that can be.
int32_t frame_of(const std::vector<Insn>& insns) {
  int32_t deepest = 0;
  for (const Insn& insn : insns) {
    if (copies_frame_pointer(insn)) return kMostStack;
    if (touches_stack(insn)) deepest = std::max(deepest, -int32_t{insn.off});
  }
  return (deepest + kCell - 1) / kCell * kCell;
}

/// Is what the register holds before instruction `begin` read on some way from there?
bool is_live(const std::vector<Insn>& insns, size_t begin, uint8_t reg) {
  std::vector<bool> seen(insns.size() + 1);
  std::vector<size_t> open{begin};
  while (!open.empty()) {
    const size_t at = open.back();
    open.pop_back();
    if (at >= insns.size() || seen[at]) continue;
    seen[at] = true;
    const Insn& insn = insns[at];
    if (reads(insn, reg)) return true;
    if (writes(insn, reg) || is_exit(insn)) continue;
    if (is_jump(insn)) open.push_back(static_cast<size_t>(target_of(insn, at)));
    if (!is_goto(insn)) open.push_back(at + (is_wide(insn) ? 2 : 1));
  }
  return false;
}

Insn store(uint8_t reg, int32_t off) {
  return {BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, static_cast<uint8_t>(reg & 15U), static_cast<int16_t>(off), 0};
}

Insn zero(uint8_t reg) {
  return {BPF_ALU64 | BPF_MOV | BPF_K, static_cast<uint8_t>(reg & 15U), 0, 0, 0};
}

Insn load(uint8_t reg, int32_t off) {
  return {BPF_LDX | BPF_MEM | BPF_DW, static_cast<uint8_t>(reg & 15U), BPF_REG_10, static_cast<int16_t>(off), 0};
}

}  // namespace

std::optional<RuntimeFunction> inline_call(const RuntimeFunction& caller, uint32_t site,
                                           const RuntimeFunction& callee) {
  const std::vector<Insn>& body = callee.insns;
  if (body.empty() || !(is_exit(body.back()) || is_jump(body.back()))) return std::nullopt;
  if (caller.insns.size() + body.size() > kMostInsns) return std::nullopt;
  const int32_t frame = frame_of(caller.insns);
  std::vector<uint8_t> live;
  std::ranges::copy_if(kPreserved, std::back_inserter(live),
                       [&](uint8_t reg) { return is_live(caller.insns, site + 1, reg); });
  const auto saved = static_cast<int32_t>(live.size()) * kCell;
  const int32_t depth = frame + saved;
  if (depth + frame_of(body) > kMostStack) return std::nullopt;

  RuntimeFunction all;
  all.name = caller.name;
  all.global = caller.global;
  all.parameters = caller.parameters;
  all.insns.assign(caller.insns.begin(), caller.insns.begin() + site);
  for (size_t i = 0; i < live.size(); ++i)
    all.insns.push_back(store(live[i], -frame - kCell * static_cast<int32_t>(i + 1)));
  const auto begin = static_cast<uint32_t>(all.insns.size());
  const auto end = begin + static_cast<uint32_t>(body.size());
  for (size_t i = 0; i < body.size(); ++i) {
    Insn insn = body[i];
    if (touches_stack(insn)) insn.off = static_cast<int16_t>(insn.off - depth);
    if (is_exit(insn)) {
      const auto rest = static_cast<int16_t>(body.size() - i - 1);
      insn = {BPF_JMP | BPF_JA, 0, 0, rest, 0};
    }
    all.insns.push_back(insn);
    if (is_wide(insn) && i + 1 < body.size()) all.insns.push_back(body[++i]);
  }
  for (size_t i = 0; i < live.size(); ++i)
    all.insns.push_back(load(live[i], -frame - kCell * static_cast<int32_t>(i + 1)));
  // A call would have destroyed these. What is left in them counts as alive where a call follows whose number of
  // arguments the verifier does not look up, and then the iterations of loops differ in it.
  if (std::ranges::any_of(body, is_may_goto) || std::ranges::any_of(caller.insns, is_may_goto)) {
    for (const uint8_t reg : kDestroyed)
      if (is_live(caller.insns, site + 1, reg)) all.insns.push_back(zero(reg));
  }
  const auto added = static_cast<uint32_t>(all.insns.size()) - site - 1;
  all.insns.insert(all.insns.end(), caller.insns.begin() + site + 1, caller.insns.end());

  // The caller's instructions, and where they jump, are after the callee's now when they were after the call.
  const auto moved = [&](uint32_t insn) { return insn > site ? insn + added : insn; };
  for (uint32_t i = 0; i < caller.insns.size(); ++i) {
    const Insn& old = caller.insns[i];
    if (is_jump(old)) {
      const auto target = static_cast<uint32_t>(target_of(old, i));
      set_distance(all.insns[moved(i)], static_cast<int32_t>(moved(target)) - static_cast<int32_t>(moved(i)) - 1);
    }
    if (is_wide(old)) ++i;
  }
  for (RuntimeFunction::Reference reference : caller.references) {
    if (reference.insn == site) continue;
    reference.insn = moved(reference.insn);
    all.references.push_back(std::move(reference));
  }
  for (RuntimeFunction::Reference reference : callee.references) {
    reference.insn += begin;
    all.references.push_back(std::move(reference));
  }

  auto line = caller.lines.begin();
  for (; line != caller.lines.end() && line->insn <= site; ++line)
    all.lines.push_back(*line);
  const std::optional<RuntimeFunction::Line> here = all.lines.empty() ? std::nullopt : std::optional(all.lines.back());
  for (RuntimeFunction::Line inner : callee.lines) {
    inner.insn += begin;
    if (!all.lines.empty() && all.lines.back().insn == inner.insn) all.lines.pop_back();
    all.lines.push_back(std::move(inner));
  }
  // What follows belongs to the line of the call.
  if (here && (line == caller.lines.end() || moved(line->insn) != end))
    all.lines.push_back({end, here->file, here->text, here->position});
  for (; line != caller.lines.end(); ++line)
    all.lines.push_back({moved(line->insn), line->file, line->text, line->position});
  return all;
}

}  // namespace perilune::bpf
