#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "assembler.h"
#include "vm/program.h"

namespace perilune::vm {
namespace {

using namespace assembler;
using namespace ir::bpf;
using Kind = ir::Relocation::Kind;

class RecordingEnvironment final : public Environment {
 public:
  void pull(void* given, uint64_t upto) override {
    context = given;
    pulled = upto;
  }
  uint64_t random() override { return 0x1122334455667788U; }
  int output(std::span<const uint8_t> record) override {
    records.emplace_back(record.begin(), record.end());
    return 0;
  }
  void* context = nullptr;
  uint64_t pulled = 0;
  std::vector<std::vector<uint8_t>> records;
};

// Every way to run code.
enum class Way { kMachineCode, kInterpreter, kChecked };

class MachineTest : public testing::TestWithParam<Way> {
 protected:
  void prepare() {
    Options options;
    options.machine_code = GetParam() == Way::kMachineCode;
    options.checked = GetParam() == Way::kChecked;
    options.patience = 100;
    auto program = Program::load(image_, options);
    ASSERT_TRUE(program.has_value()) << program.error().message;
    program_ = std::move(*program);
    auto machine = program_->machine(environment_);
    ASSERT_TRUE(machine.has_value()) << machine.error().message;
    machine_ = std::move(*machine);
  }
  uint64_t run() {
    const uint64_t result = machine_->run(&environment_);
    if (GetParam() == Way::kChecked) {
      EXPECT_EQ(machine_->fault(), "");
    }
    return result;
  }
  void address(unsigned reg, Kind kind, uint32_t index) {
    image_.code.relocations.push_back({static_cast<uint32_t>(code().size()), kind, index});
    load_number(code(), reg, 0);
    code()[code().size() - 2].src = 1;
  }
  Code& code() { return image_.code.insns; }

  ir::Image image_;
  RecordingEnvironment environment_;
  std::unique_ptr<Program> program_;
  std::unique_ptr<Machine> machine_;
};

INSTANTIATE_TEST_SUITE_P(Ways, MachineTest, testing::Values(Way::kMachineCode, Way::kInterpreter, Way::kChecked),
                         [](const auto& way) {
                           return std::string(way.param == Way::kMachineCode   ? "MachineCode"
                                              : way.param == Way::kInterpreter ? "Interpreter"
                                                                               : "Checked");
                         });

TEST_P(MachineTest, TheSlotHoldsConstantsAndVariables) {
  image_.constants = {1, 2, 3, 4};
  image_.worker = {5, 6, 7, 8};
  image_.tables = {9, 10, 11};
  address(6, Kind::kMemory, PL_CONSTANTS);
  append(code(), {load(kByte, 0, 6, 3)});
  address(6, Kind::kMemory, 0);
  image_.code.relocations.push_back({static_cast<uint32_t>(code().size()), Kind::kSlotMask, 0});
  append(code(), {alu(kAnd, 2, -1), alu_reg(kAdd, 6, 2), load(kByte, 7, 6, PL_WORKER + 1), alu(kLsh, 7, 8),
                  alu_reg(kOr, 0, 7)});
  address(6, Kind::kTables, 2);
  append(code(), {load(kByte, 7, 6, 0), alu(kLsh, 7, 16), alu_reg(kOr, 0, 7), leave()});
  prepare();
  EXPECT_EQ(run(), 0x0b0604U);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(machine_->slot()) % 4096, 0U);
}

TEST_P(MachineTest, WritesToTheSlotStay) {
  address(6, Kind::kMemory, 0);
  append(code(), {load(kWord, 0, 6, PL_WORKER), alu(kAdd, 0, 1), store(kWord, 6, PL_WORKER, 0), leave()});
  prepare();
  EXPECT_EQ(run(), 1U);
  EXPECT_EQ(run(), 2U);
  auto other = program_->machine(environment_);
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ((*other)->run(nullptr), 1U) << "each machine has a slot of its own";
}

TEST_P(MachineTest, MapsAreSharedBetweenMachines) {
  ir::MapSpec spec;
  spec.name = "m";
  spec.key_size = 4;
  spec.value_size = 8;
  spec.entries = 10;
  spec.initial = {{{1, 0, 0, 0}, {41, 0, 0, 0, 0, 0, 0, 0}}};
  image_.maps.push_back(spec);
  // value = lookup(1); if (value) return atomic_fetch_add(value, 1)
  code().push_back(store_number(kWord, 10, -4, 1));
  address(1, Kind::kMap, 0);
  append(code(), {mov_reg(2, 10), alu(kAdd, 2, -4), call(helper::kMapLookup), jump_if(kJeq, 0, 0, 3), mov(1, 1),
                  insn(kStx | kAtomic | kDouble, 0, 1, 0, kAtomicAdd | kFetch), mov_reg(0, 1), leave()});
  prepare();
  EXPECT_EQ(run(), 41U);
  auto other = program_->machine(environment_);
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ((*other)->run(nullptr), 42U);
  const uint32_t key = 1;
  EXPECT_EQ(*program_->maps()[0]->lookup(reinterpret_cast<const uint8_t*>(&key)), 43);
}

TEST_P(MachineTest, HelpersAnswer) {
  append(code(), {mov_reg(6, 1), call(helper::kRandom), mov_reg(7, 0), alu(kLsh, 7, 32), call(helper::kRandom),
                  alu_reg(kOr, 7, 0), mov_reg(1, 6), mov(2, 0), mov(3, 777)});
  image_.code.relocations.push_back({static_cast<uint32_t>(code().size()), Kind::kPull, 0});
  code().push_back(insn(kCallHelper, 0, 1, 0, -1));
  code().push_back(store_number(kDouble, 10, -8, 0x0201));
  address(1, Kind::kEvents, 0);
  append(code(), {mov_reg(2, 10), alu(kAdd, 2, -8), mov(3, 2), mov(4, 0), call(helper::kOutput), call(helper::kTime),
                  jump_if(kJeq, 0, 0, 1), mov_reg(0, 7), leave()});
  prepare();
  EXPECT_EQ(run(), 0x1122334455667788U);
  EXPECT_EQ(environment_.context, &environment_);
  EXPECT_EQ(environment_.pulled, 777U);
  EXPECT_EQ(environment_.records, (std::vector<std::vector<uint8_t>>{{1, 2}}));
}

TEST_P(MachineTest, MayGotoGivesUpAfterItsPatience) {
  append(code(), {mov(0, 0), may_goto(2), alu(kAdd, 0, 1), jump(-3), leave()});
  prepare();
  EXPECT_EQ(run(), 100U);
  EXPECT_EQ(run(), 100U) << "each run has its own";
}

TEST_P(MachineTest, AStackOfFullSizeCanBeUsed) {
  append(code(), {mov(0, 0)});
  for (int at = -512; at < 0; at += 8)
    code().push_back(store_number(kDouble, 10, at, at));
  code().push_back(call(helper::kTime));
  code().push_back(mov(0, 0));
  for (int at = -512; at < 0; at += 8)
    append(code(), {load(kDouble, 1, 10, at), alu_reg(kAdd, 0, 1)});
  code().push_back(leave());
  prepare();
  EXPECT_EQ(static_cast<int64_t>(run()), -16'640);
}

TEST_P(MachineTest, LongJumpsReach) {
  code().push_back(mov(0, 5));
  code().push_back(jump_if(kJeq, 0, 5, 30'000));
  for (int i = 0; i < 30'000; ++i)
    code().push_back(alu(kAdd, 0, 1'000));
  append(code(), {alu(kAdd, 0, 1), leave()});
  prepare();
  EXPECT_EQ(run(), 6U);
  if (GetParam() == Way::kMachineCode && MachineCode::available()) {
    EXPECT_GT(machine_->code_bytes(), 30'000U);
  }
}

// What checked code does wrong is found, and named with its instruction.
std::string fault_of(const Code& code, ir::Image image = {}) {
  image.code.insns.insert(image.code.insns.end(), code.begin(), code.end());
  RecordingEnvironment environment;
  Options options;
  options.checked = true;
  auto program = Program::load(image, options);
  if (!program) return program.error().message;
  auto machine = (*program)->machine(environment);
  if (!machine) return machine.error().message;
  (void)(*machine)->run(nullptr);
  return (*machine)->fault();
}

TEST(CheckedMachine, AccessesOutsideAreFaults) {
  constexpr const char* kOutside = "instruction 0: an access outside the memory it may use";
  EXPECT_EQ(fault_of({load(kByte, 0, 10, 0), leave()}), kOutside);
  EXPECT_EQ(fault_of({load(kDouble, 0, 10, -513), leave()}), kOutside);
  EXPECT_EQ(fault_of({store(kDouble, 10, -7, 1), leave()}), kOutside);
  EXPECT_EQ(fault_of({store_number(kWord, 1, 0, 5), leave()}), kOutside);
  EXPECT_EQ(fault_of({store(kDouble, 10, -8, 1), mov(0, 0), leave()}), "");
  EXPECT_EQ(fault_of({insn(kStx | kAtomic | kWord, 10, 1, -6, kAtomicAdd), leave()}),
            "instruction 0: an atomic access that is not aligned");
}

TEST(CheckedMachine, TheSlotEndsBehindItsPadAndTablesAreReadOnly) {
  ir::Image image;
  image.tables.assign(100, 1);
  image.code.relocations.push_back({0, Kind::kMemory, PL_SLOT_SIZE + PL_MEMORY_PAD});
  load_number(image.code.insns, 1, 0);
  EXPECT_EQ(fault_of({load(kByte, 0, 1, -1), leave()}, image), "");
  EXPECT_NE(fault_of({load(kByte, 0, 1, 0), leave()}, image), "");
  image.code.relocations[0].kind = Kind::kTables;
  image.code.relocations[0].index = 0;
  EXPECT_EQ(fault_of({load(kByte, 0, 1, 128 + 63), leave()}, image), "");
  EXPECT_NE(fault_of({store_number(kByte, 1, 0, 1), leave()}, image), "");
}

TEST(CheckedMachine, HelpersAreGivenOnlyWhatIsThere) {
  constexpr const char* kMisuse = "instruction 2: calls a helper with what it cannot use";
  EXPECT_EQ(fault_of({mov(1, 1), mov_reg(2, 10), call(helper::kMapLookup), leave()}), kMisuse);
  EXPECT_EQ(fault_of({mov(1, 1), mov_reg(2, 10), call(helper::kOutput), leave()}), kMisuse);
}

TEST(UnsoundCode, IsNamed) {
  EXPECT_NE(fault_of({mov(0, 0)}).find("the end can be run past"), std::string::npos);
  EXPECT_NE(fault_of({jump(5), leave()}).find("jumps to no instruction"), std::string::npos);
  EXPECT_NE(fault_of({jump(-2), leave()}).find("jumps to no instruction"), std::string::npos);
  EXPECT_NE(fault_of({mov(10, 0), leave()}).find("writes to r10"), std::string::npos);
  EXPECT_NE(fault_of({mov(11, 0), leave()}).find("no such register"), std::string::npos);
  EXPECT_NE(fault_of({call(9999), leave()}).find("no such helper"), std::string::npos);
  EXPECT_NE(fault_of({insn(0xff, 0, 0, 0, 0), leave()}).find("unknown instruction"), std::string::npos);
  EXPECT_NE(fault_of({insn(kLoadImm64, 0, 0, 0, 0)}).find("half a load"), std::string::npos);
  EXPECT_NE(fault_of({insn(kLoadImm64, 0, 1, 0, 0), insn(0, 0, 0, 0, 0), leave()}).find("has not been put in"),
            std::string::npos);
  EXPECT_NE(fault_of({}).find("no code"), std::string::npos);
  EXPECT_NE(fault_of({mov(0, 0), jump(1), insn(kLoadImm64, 0, 0, 0, 0), insn(0, 0, 0, 0, 0), leave()}), "");
}

TEST(Program, InitialEntriesMustFit) {
  ir::Image image;
  ir::MapSpec spec;
  spec.name = "blocked";
  spec.key_size = 4;
  spec.value_size = 8;
  spec.entries = 1;
  spec.initial = {{{1, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0}}, {{2, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0}}};
  image.maps.push_back(spec);
  image.code.insns = {mov(0, 0), leave()};
  const auto program = Program::load(image, {});
  ASSERT_FALSE(program.has_value());
  EXPECT_EQ(program.error().message, "map 'blocked': an initial entry does not fit");
}

}  // namespace
}  // namespace perilune::vm
