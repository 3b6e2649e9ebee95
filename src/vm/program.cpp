#include "vm/program.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "base/bytes.h"
#include "ir/opcodes.h"
#include "vm/soundness.h"

namespace perilune::vm {
namespace {

using ir::Insn;
using ir::Relocation;

constexpr size_t kTablesPad = 64;
constexpr uint64_t kMostSteps = 1'000'000'000;  // of one checked run
constexpr uint32_t kSlots = 1;

tl::unexpected<Error> broken(const Relocation& relocation, std::string_view problem) {
  return system_error(fmt::format("the code is broken: instruction {}: {}", relocation.insn, problem));
}

/// Of the functions that code for the kernel calls.
std::optional<Insn> instead_of_call(Relocation::Kind kind) {
  using namespace ir::bpf;  // NOLINT: names of instructions
  switch (kind) {
    case Relocation::Kind::kPull:
      return Insn{kCallHelper, 0, 0, 0, kPullHelper};
    case Relocation::Kind::kReplace:
      return Insn{kCallHelper, 0, 0, 0, kReplaceHelper};
    case Relocation::Kind::kLookup:
      return Insn{kCallHelper, 0, 0, 0, helper::kMapLookup};
    case Relocation::Kind::kDivide:
      return Insn{kAlu64 | kDiv | kRegister, 0, 2, 0, 0};
    case Relocation::Kind::kModulo:
      return Insn{kAlu64 | kMod | kRegister, 0, 2, 0, 0};
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<std::unique_ptr<Program>> Program::load(const ir::Image& image, const Options& options) {
  std::unique_ptr<Program> program(new Program(image, options));
  program->translated_ = options.machine_code && !options.checked && MachineCode::available();
  if (image.constants.size() > PL_FRAME - PL_CONSTANTS || image.worker.size() > PL_SPILL - PL_WORKER) {
    return system_error("the code is broken: its constants or variables do not fit in a slot");
  }
  if (auto done = program->make_tables(); !done) return tl::make_unexpected(std::move(done.error()));
  if (auto done = program->make_maps(); !done) return tl::make_unexpected(std::move(done.error()));
  return program;
}

Result<void> Program::make_tables() {
  const size_t size = std::bit_ceil(std::max<size_t>(image_->tables.size(), 1)) + kTablesPad;
  auto memory = MappedMemory::allocate(size, "tables");
  if (!memory) return tl::make_unexpected(std::move(memory.error()));
  tables_ = std::move(*memory);
  std::ranges::copy(image_->tables, tables_.data());
  return tables_.protect(MappedMemory::Access::kRead);
}

Result<void> Program::make_maps() {
  for (const ir::MapSpec& spec : image_->maps) {
    auto map = make_map(spec);
    if (!map) return tl::make_unexpected(std::move(map.error()));
    for (const ir::MapSpec::Entry& entry : spec.initial) {
      const bool fits = entry.key.size() == spec.key_size && entry.value.size() == spec.value_size;
      if (!fits || (*map)->update(entry.key.data(), entry.value.data(), kAny) != 0) {
        return input_error(fmt::format("map '{}': an initial entry does not fit", spec.name));
      }
    }
    maps_.push_back(std::move(*map));
  }
  return {};
}

void Program::stamp_entries(uint64_t now_ns) {
  for (size_t i = 0; i < maps_.size(); ++i) {
    if (!image_->maps[i].timed || image_->maps[i].initial.empty()) continue;
    maps_[i]->for_each([now_ns](const uint8_t* /*key*/, uint8_t* value) {
      if (read_host<uint64_t>(value) == ir::MapSpec::kNotYet) write_host<uint64_t>(value, now_ns);
    });
  }
}

Result<std::vector<Insn>> Program::bound_code(const Machine& machine) const {
  std::vector<Insn> code = image_->code.insns;
  for (const Relocation& relocation : image_->code.relocations) {
    if (relocation.insn >= code.size()) return broken(relocation, "there is none");
    Insn& insn = code[relocation.insn];
    if (relocation.kind == Relocation::Kind::kSlotMask) {
      insn.imm = static_cast<int32_t>((kSlots * PL_SLOT_SIZE - 1) & ~PL_SLOT_MASK);
      continue;
    }
    if (const std::optional<Insn> instead = instead_of_call(relocation.kind)) {
      if (insn.code != ir::bpf::kCallHelper) return broken(relocation, "no call");
      insn = *instead;
      continue;
    }
    if (insn.code != ir::bpf::kLoadImm64 || relocation.insn + 1 == code.size()) return broken(relocation, "no load");
    uint64_t address = 0;
    switch (relocation.kind) {
      case Relocation::Kind::kMemory:
        address = reinterpret_cast<uint64_t>(machine.memory_.data()) + relocation.index;
        break;
      case Relocation::Kind::kTables:
        address = reinterpret_cast<uint64_t>(tables_.data()) + relocation.index;
        break;
      case Relocation::Kind::kMap:
        if (relocation.index >= maps_.size()) return broken(relocation, "no such map");
        address = reinterpret_cast<uint64_t>(maps_[relocation.index].get());
        break;
      default:  // kEvents: anything that is not null
        address = reinterpret_cast<uint64_t>(&machine);
        break;
    }
    insn.src = 0;
    insn.imm = static_cast<int32_t>(static_cast<uint32_t>(address));
    code[relocation.insn + 1].imm = static_cast<int32_t>(static_cast<uint32_t>(address >> 32));
  }
  if (const std::string problem = unsound(code); !problem.empty()) {
    return system_error("the code is broken: " + problem);
  }
  return code;
}

Result<std::unique_ptr<Machine>> Program::machine(Environment& environment) const {
  auto memory = MappedMemory::allocate(size_t{kSlots} * PL_SLOT_SIZE + PL_MEMORY_PAD, "a slot");
  if (!memory) return tl::make_unexpected(std::move(memory.error()));
  std::ranges::copy(image_->constants, memory->data() + PL_CONSTANTS);
  std::ranges::copy(image_->worker, memory->data() + PL_WORKER);
  std::unique_ptr<Machine> machine(new Machine(std::move(*memory), environment));
  auto code = bound_code(*machine);
  if (!code) return tl::make_unexpected(std::move(code.error()));
  if (translated_) {
    auto translation = MachineCode::translate(*code, options_.patience, machine->helpers_);
    if (!translation) return tl::make_unexpected(std::move(translation.error()));
    machine->code_ = std::move(*translation);
    machine->entry_ = machine->code_->entry();
  }
  machine->interpreter_.emplace(std::move(*code), options_.patience, machine->helpers_);
  machine->checked_ = options_.checked;
  machine->rules_ = {{machine->memory_.data(), machine->memory_.size()},
                     {tables_.data(), tables_.size()},
                     maps_,
                     reinterpret_cast<uint64_t>(machine.get()),
                     kMostSteps};
  return machine;
}

uint64_t Machine::interpret(void* context) {
  const auto argument = reinterpret_cast<uint64_t>(context);
  return checked_ ? interpreter_->run_checked(argument, 0, rules_) : interpreter_->run(argument, 0);
}

}  // namespace perilune::vm
