#include "compiler/lua/globals.h"

#include <algorithm>
#include <array>

namespace perilune::compiler {
namespace {

/// What a register is known to hold, within a run of instructions.
struct Known {
  bool is_environment = false;
  const std::string* text = nullptr;
};

/// Walks one function's code. `environment[i]`: upvalue i is the chunk's _ENV.
///
/// Most accesses are one instruction (GETTABUP, SETTABUP). Where a function has more than 256 constants, or the name is
/// longer than 40 bytes, the compiler loads _ENV and the name into registers first; so registers are followed: a
/// register is known from the instruction that loaded it until the next one that names it as its target. That is only
/// ever a few instructions, in which the compiler emits no jump.
template <typename OnAccess>
void walk(const Prototype& function, const std::vector<bool>& environment, OnAccess on_access) {
  std::array<Known, 256> registers{};
  const auto is_environment = [&](uint32_t upvalue) { return upvalue < environment.size() && environment[upvalue]; };

  for (size_t pc = 0; pc < function.code.size(); ++pc) {
    const Instruction instruction = function.code[pc];
    const uint32_t a = instruction.a();
    Known loaded;
    switch (instruction.opcode()) {
      case Opcode::kGetUpvalue:
        loaded.is_environment = is_environment(instruction.b());
        break;
      case Opcode::kLoadK:
        loaded.text = function.string_constant(instruction.bx());
        break;
      case Opcode::kLoadKx:
        if (pc + 1 < function.code.size()) loaded.text = function.string_constant(function.code[pc + 1].ax());
        break;
      case Opcode::kGetTabUp:
        if (const std::string* name = function.string_constant(instruction.c());
            name && is_environment(instruction.b())) {
          on_access(*name, function.line(pc), false);
        }
        break;
      case Opcode::kGetTable:
        if (const std::string* name = registers[instruction.c()].text;
            name && registers[instruction.b()].is_environment) {
          on_access(*name, function.line(pc), false);
        }
        break;
      case Opcode::kSetTabUp:
        if (const std::string* name = function.string_constant(instruction.b()); name && is_environment(a)) {
          on_access(*name, function.line(pc), true);
        }
        continue;  // A is no register here
      case Opcode::kSetTable:
        if (const std::string* name = registers[instruction.b()].text; name && registers[a].is_environment) {
          on_access(*name, function.line(pc), true);
        }
        continue;  // A is a source
      default:
        break;
    }
    registers[a] = loaded;
  }
}

/// Which upvalues of `child` are the chunk's _ENV, given which of its parent's are.
std::vector<bool> inherited(const Prototype& child, const std::vector<bool>& environment) {
  std::vector<bool> own(child.upvalues.size());
  for (size_t i = 0; i < own.size(); ++i) {
    const Upvalue& upvalue = child.upvalues[i];
    own[i] = !upvalue.in_stack && upvalue.index < environment.size() && environment[upvalue.index];
  }
  return own;
}

template <typename OnAccess>
void walk_all(const Prototype& function, const std::vector<bool>& environment, bool in_function, OnAccess on_access) {
  walk(function, environment,
       [&](const std::string& name, uint32_t line, bool write) { on_access(name, line, write, in_function); });
  for (const Prototype& child : function.children)
    walk_all(child, inherited(child, environment), true, on_access);
}

/// Does anything assign another table to the chunk's _ENV? Then its globals are not ours to know.
bool replaces_environment(const Prototype& function, const std::vector<bool>& environment) {
  for (const Instruction instruction : function.code) {
    const uint32_t upvalue = instruction.b();
    if (instruction.opcode() == Opcode::kSetUpvalue && upvalue < environment.size() && environment[upvalue])
      return true;
  }
  return std::any_of(function.children.begin(), function.children.end(), [&](const Prototype& child) {
    return replaces_environment(child, inherited(child, environment));
  });
}

/// Is _ENV loaded into a register for anything else than an access later on?
bool copies_environment(const Prototype& function, const std::vector<bool>& environment) {
  for (size_t pc = 0; pc < function.code.size(); ++pc) {
    const Instruction load = function.code[pc];
    if (load.opcode() != Opcode::kGetUpvalue || load.b() >= environment.size() || !environment[load.b()]) continue;
    bool accessed = false;
    for (size_t next = pc + 1; next < function.code.size() && !accessed; ++next) {
      const Instruction user = function.code[next];
      accessed = (user.opcode() == Opcode::kGetTable && user.b() == load.a()) ||
                 (user.opcode() == Opcode::kSetTable && user.a() == load.a());
    }
    if (!accessed) return true;
  }
  return std::any_of(function.children.begin(), function.children.end(),
                     [&](const Prototype& child) { return copies_environment(child, inherited(child, environment)); });
}

/// The main chunk has one upvalue, and that is _ENV.
std::vector<bool> main_environment(const Prototype& main) {
  std::vector<bool> environment(main.upvalues.size());
  if (!environment.empty()) environment[0] = true;
  return environment;
}

}  // namespace

std::vector<GlobalAccess> global_accesses(const Prototype& main) {
  std::vector<GlobalAccess> found;
  if (replaces_environment(main, main_environment(main))) return found;
  walk_all(main, main_environment(main), false,
           [&](const std::string& name, uint32_t line, bool write, bool in_function) {
             found.push_back({name, line, write, in_function});
           });
  return found;
}

bool hands_out_environment(const Prototype& main) {
  const std::vector<bool> environment = main_environment(main);
  if (copies_environment(main, environment)) return true;
  const std::vector<GlobalAccess> accesses = global_accesses(main);
  return std::any_of(accesses.begin(), accesses.end(),
                     [](const GlobalAccess& access) { return access.name == "_G" && !access.write; });
}

}  // namespace perilune::compiler
