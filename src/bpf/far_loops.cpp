#include "bpf/far_loops.h"

#include <map>
#include <utility>

#include "bpf/insn.h"

namespace perilune::bpf {
namespace {

using ir::Insn;

constexpr size_t kMostInsns = INT16_MAX;  // that a jump reaches

}  // namespace

ir::Code with_far_loops(ir::Code code) {
  const size_t end = code.insns.size();
  std::map<int64_t, size_t> far;  // by where a loop begins: the jump there
  ir::Code result = code;
  for (size_t i = 0; i < end; ++i) {
    Insn& insn = result.insns[i];
    if (is_wide(insn)) {
      ++i;
      continue;
    }
    if (!is_jump(insn) || insn.off >= 0) continue;
    const int64_t target = target_of(insn, i);
    const size_t place = far.try_emplace(target, end + far.size()).first->second;
    insn.off = static_cast<int16_t>(place - i - 1);
  }
  if (end + far.size() > kMostInsns) return code;
  result.insns.resize(end + far.size());
  for (const auto& [target, place] : far) {
    const auto off = static_cast<int16_t>(target - static_cast<int64_t>(place) - 1);
    result.insns[place] = {ir::bpf::kJmp | ir::bpf::kJa, 0, 0, off, 0};
  }
  return result;
}

}  // namespace perilune::bpf
