#include "ir/generate/spill.h"

#include <utility>

namespace perilune::ir {
namespace {

/// Can the instruction be repeated anywhere, and is that cheap?
bool repeatable(const Low& low) {
  return low.kind == Low::Kind::kWide || low.kind == Low::Kind::kTables ||
         (low.kind == Low::Kind::kShift && low.a.reg == kSlotRegister);
}

class Rewriter {
 public:
  Rewriter(LowFunction& function, const Spilling& spilling) : function_(function), spilling_(spilling) {}

  void run() {
    for (LowBlock& block : function_.blocks)
      rewrite(block);
  }

 private:
  [[nodiscard]] bool chosen(Register reg) const { return reg < spilling_.chosen.size() && spilling_.chosen[reg]; }

  Register new_register(Register like) {
    function_.pointers.push_back(function_.pointers[like]);
    function_.bytes.push_back(function_.bytes[like]);
    return function_.registers++;
  }

  /// Appends what brings a register's value back; the register it is in then.
  Register bring_back(Register reg, std::vector<Low>& code, uint32_t file, uint32_t line) {
    Low low;
    if (spilling_.formulas[reg]) {
      low = *spilling_.formulas[reg];
    } else {
      low.kind = Low::Kind::kReload;
      low.cell = spilling_.cells[reg];
      low.bytes = function_.bytes[reg];
    }
    low.file = file;
    low.line = line;
    low.result = new_register(reg);
    code.push_back(low);
    return low.result;
  }

  void rewrite(LowBlock& block) {
    std::vector<Low> code;
    code.reserve(block.code.size());
    for (Parameter& parameter : block.parameters) {
      if (chosen(parameter.reg)) parameter.cell = spilling_.cells[parameter.reg];
    }
    for (Low& low : block.code) {
      std::pair<Register, Register> last{kNoRegister, kNoRegister};
      for_each_use(low, [&](Operand& operand, bool) {
        if (!chosen(operand.reg)) return;
        if (last.first != operand.reg) last = {operand.reg, bring_back(operand.reg, code, low.file, low.line)};
        operand.reg = last.second;
      });
      if (low.result == kNoRegister || !chosen(low.result)) {
        code.push_back(low);
        continue;
      }
      if (spilling_.formulas[low.result]) continue;
      Low store;
      store.kind = Low::Kind::kSpill;
      store.cell = spilling_.cells[low.result];
      store.file = low.file;
      store.line = low.line;
      low.result = new_register(low.result);
      store.a.reg = low.result;
      code.push_back(low);
      code.push_back(store);
    }
    std::pair<Register, Register> last{kNoRegister, kNoRegister};
    for (Operand* operand : {&block.a, &block.b}) {
      if (operand->is_number() || !chosen(operand->reg)) continue;
      if (last.first != operand->reg) last = {operand->reg, bring_back(operand->reg, code, block.file, block.line)};
      operand->reg = last.second;
    }
    for (Argument& argument : block.arguments) {
      if (argument.cell != kNoCell || argument.value.is_number() || !chosen(argument.value.reg)) continue;
      const Register reg = argument.value.reg;
      argument.value = {};
      if (spilling_.formulas[reg]) {
        argument.value.imm = spilling_.formulas[reg]->imm;  // a scalar: a wide number
      } else {
        argument.cell = spilling_.cells[reg];
        argument.bytes = function_.bytes[reg];
      }
    }
    block.code = std::move(code);
  }

  LowFunction& function_;
  const Spilling& spilling_;
};

}  // namespace

Spilling plan_spills(const LowFunction& function, const std::vector<Register>& chosen,
                     const std::function<int32_t(Register)>& give) {
  Spilling spilling;
  spilling.chosen.resize(function.registers);
  spilling.cells.assign(function.registers, kNoCell);
  spilling.formulas.resize(function.registers);
  for (const Register reg : chosen)
    spilling.chosen[reg] = true;
  for (const LowBlock& block : function.blocks) {
    for (const Low& low : block.code) {
      if (low.result != kNoRegister && spilling.chosen[low.result] && repeatable(low)) {
        spilling.formulas[low.result] = low;
      }
    }
  }
  for (const Register reg : chosen) {
    if (!spilling.formulas[reg]) spilling.cells[reg] = give(reg);
  }
  return spilling;
}

void apply_spills(LowFunction& function, const Spilling& spilling) {
  Rewriter(function, spilling).run();
}

}  // namespace perilune::ir
