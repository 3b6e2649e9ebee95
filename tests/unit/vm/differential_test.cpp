// The interpreter and machine code do the same: random programs with all instructions, loops and helper calls leave the
// same registers, stack, memory and map behind. Seeds are printed with every difference.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <random>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "assembler.h"
#include "vm/interpreter.h"
#include "vm/machine_code.h"
#include "vm/map.h"
#include "vm/soundness.h"

namespace perilune::vm {
namespace {

using namespace assembler;
using namespace ir::bpf;

constexpr size_t kBufferBytes = 2'048;
constexpr int kRegistersAt = -80;  // the stack above it takes r0 to r9 at the end
constexpr uint32_t kPatience = 7;

// Everything it answers is a matter of counting.
class CountingEnvironment final : public Environment {
 public:
  void pull(void* context, uint64_t upto) override { seen = seen * 31 + reinterpret_cast<uint64_t>(context) + upto; }
  uint64_t random() override { return ++seen * 0x9e3779b97f4a7c15U; }
  int output(std::span<const uint8_t> record) override {
    for (const uint8_t byte : record)
      seen = seen * 31 + byte;
    return seen % 2 == 0 ? 0 : -ENOSPC;
  }
  uint64_t tai_ns() override { return ++seen; }
  uint64_t seen = 1;
};

class Generator {
 public:
  Generator(uint64_t seed, uint64_t buffer, uint64_t map) : random_(seed), buffer_(buffer), map_(map) {}

  Code make() {
    for (int at = -static_cast<int>(kStackBytes); at < 0; at += 8)
      code_.push_back(store_number(kDouble, 10, at, number()));
    for (unsigned reg = 0; reg < 10; ++reg)
      load_number(code_, reg, interesting());
    statements(30, 0);
    for (unsigned reg = 0; reg < 10; ++reg)
      code_.push_back(store(kDouble, 10, kRegistersAt + static_cast<int>(reg) * 8, reg));
    load_number(code_, 1, buffer_ + kBufferBytes / 2);
    for (int at = 0; at < static_cast<int>(kStackBytes); at += 8) {
      code_.push_back(load(kDouble, 2, 10, at - static_cast<int>(kStackBytes)));
      code_.push_back(store(kDouble, 1, at, 2));
    }
    append(code_, {mov(0, 42), leave()});
    return std::move(code_);
  }

 private:
  uint64_t below(uint64_t limit) { return random_() % limit; }
  unsigned reg() { return static_cast<unsigned>(below(10)); }
  template <size_t kCount>
  unsigned one_of(const std::array<uint8_t, kCount>& choices) {
    return choices[below(kCount)];
  }
  uint64_t interesting() {
    constexpr std::array<uint64_t, 12> kEdges = {
        0, 1, 2, 63, 64, 0x7fffffff, 0x80000000, 0xffffffff, ~uint64_t{0}, uint64_t{1} << 63, 0x100000000, 255};
    return below(2) == 0 ? kEdges[below(kEdges.size())] : random_() >> below(64);
  }
  int32_t number() { return static_cast<int32_t>(static_cast<uint32_t>(interesting())); }

  void statements(int count, int depth) {
    for (int i = 0; i < count; ++i)
      statement(depth);
  }

  void statement(int depth) {
    switch (below(depth < 3 ? 12 : 9)) {
      case 0:
        return memory();
      case 1:
        return atomic();
      case 2:
        return other();
      case 9:
        return branch(depth);
      case 10:
        return loop(depth);
      case 11:
        return call_helper();
      default:
        return arithmetic();
    }
  }

  void arithmetic() {
    constexpr std::array<uint8_t, 11> kOperations = {kAdd, kSub, kMul, kDiv, kOr, kAnd, kLsh, kRsh, kMod, kXor, kArsh};
    const unsigned operation = one_of(kOperations);
    const unsigned width = one_of(std::array{kAlu32, kAlu64});
    const unsigned source = one_of(std::array{kImmediate, kRegister});
    const bool divides = operation == kDiv || operation == kMod;
    if (divides && below(4) == 0) {  // what the processor itself refuses: the least number by -1
      const unsigned dividend = reg();
      load_number(code_, dividend, width == kAlu32 ? 0x80000000U : uint64_t{1} << 63);
      return code_.push_back(insn(width | operation, dividend, 0, static_cast<int>(below(2)), -1));
    }
    code_.push_back(insn(width | source | operation, reg(), source == kRegister ? reg() : 0,
                         divides ? static_cast<int>(below(2)) : 0, source == kRegister ? 0 : number()));
  }

  void other() {
    switch (below(8)) {
      case 0:
        return code_.push_back(insn(one_of(std::array{kAlu32, kAlu64}) | kNeg, reg(), 0, 0, 0));
      case 1:
        return code_.push_back(
            insn(kAlu32 | kEnd | one_of(std::array{kImmediate, kRegister}), reg(), 0, 0, int64_t{16} << below(3)));
      case 2:
        return code_.push_back(insn(kAlu64 | kEnd, reg(), 0, 0, int64_t{16} << below(3)));
      case 3:
        return code_.push_back(
            insn(kAlu64 | kMov | kRegister, reg(), reg(), one_of(std::array<uint8_t, 4>{0, 8, 16, 32}), 0));
      case 4:
        return code_.push_back(
            insn(kAlu32 | kMov | kRegister, reg(), reg(), one_of(std::array<uint8_t, 3>{0, 8, 16}), 0));
      case 5:
        return code_.push_back(insn(one_of(std::array{kAlu32, kAlu64}) | kMov, reg(), 0, 0, number()));
      default:
        return load_number(code_, reg(), interesting());
    }
  }

  // A base register and a displacement at which `size` bytes may be used, aligned.
  std::pair<unsigned, int> place(unsigned size) {
    if (below(2) == 0) {
      const auto room = static_cast<uint64_t>(static_cast<int>(kStackBytes) + kRegistersAt) / size;
      return {10, static_cast<int>(below(room) * size) - static_cast<int>(kStackBytes)};
    }
    const unsigned base = reg();
    const auto displacement = static_cast<int>(below(200)) - 100;
    load_number(code_, base, buffer_ + below(kBufferBytes / 2 / size) * size - static_cast<uint64_t>(displacement));
    return {base, displacement};
  }

  void memory() {
    const unsigned size = one_of(std::array{kByte, kHalf, kWord, kDouble});
    const auto [base, at] = place(size_of(static_cast<uint8_t>(size)));
    switch (below(4)) {
      case 0:
        return code_.push_back(load(size, reg(), base, at));
      case 1:
        return code_.push_back(size == kDouble ? load(size, reg(), base, at)
                                               : insn(kLdx | kMemSigned | size, reg(), base, at, 0));
      case 2:
        return code_.push_back(store(size, base, at, reg()));
      default:
        return code_.push_back(store_number(size, base, at, number()));
    }
  }

  void atomic() {
    constexpr std::array<uint8_t, 10> kOperations = {
        kAtomicAdd,         kAtomicOr,           kAtomicAnd,          kAtomicXor, kAtomicAdd | kFetch,
        kAtomicOr | kFetch, kAtomicAnd | kFetch, kAtomicXor | kFetch, kExchange,  kCompareExchange};
    const unsigned size = one_of(std::array{kWord, kDouble});
    const auto [base, at] = place(size == kWord ? 4 : 8);
    const unsigned operation = one_of(kOperations);
    if (operation == kCompareExchange && below(2) == 0) {  // one that succeeds
      code_.push_back(load(size, base == 0 ? 1 : 0, base, at));
      const unsigned high = base == 1 ? 2 : 1;
      if (size == kWord && base != 0) append(code_, {mov(high, -1), alu(kLsh, high, 32), alu_reg(kOr, 0, high)});
    }
    code_.push_back(insn(kStx | kAtomic | size, base, reg(), at, operation));
  }

  void branch(int depth) {
    constexpr std::array<uint8_t, 11> kConditions = {kJeq,  kJgt, kJge, kJset, kJne, kJsgt,
                                                     kJsge, kJlt, kJle, kJslt, kJsle};
    const unsigned source = one_of(std::array{kImmediate, kRegister});
    if (below(8) == 0) {
      code_.push_back(below(2) == 0 ? jump(0) : insn(kJmp32 | kJa, 0, 0, 0, 0));
    } else {
      const unsigned left = reg();
      const unsigned right = reg();
      const int32_t imm = number();
      if (below(3) == 0) code_.push_back(source == kRegister ? mov_reg(left, right) : mov(left, imm));  // equal ones
      code_.push_back(insn(one_of(std::array{kJmp, kJmp32}) | one_of(kConditions) | source, left,
                           source == kRegister ? right : 0, 0, source == kRegister ? 0 : imm));
    }
    const size_t jump_at = code_.size() - 1;
    statements(static_cast<int>(below(6)), depth + 1);
    const auto distance = static_cast<int32_t>(code_.size() - jump_at - 1);
    if (code_[jump_at].code == (kJmp32 | kJa)) {
      code_[jump_at].imm = distance;
    } else {
      code_[jump_at].off = static_cast<int16_t>(distance);
    }
  }

  void loop(int depth) {
    const size_t head = code_.size();
    code_.push_back(may_goto(0));
    statements(static_cast<int>(below(6)), depth + 1);
    code_.push_back(jump(static_cast<int>(head) - static_cast<int>(code_.size()) - 1));
    code_[head].off = static_cast<int16_t>(code_.size() - head - 1);
  }

  void call_helper() {
    constexpr std::array<int32_t, 7> kHelpers = {helper::kMapLookup, helper::kMapUpdate, helper::kMapDelete,
                                                 helper::kTime,      helper::kRandom,    helper::kOutput,
                                                 kPullHelper};
    const int32_t number = kHelpers[below(kHelpers.size())];
    code_.push_back(store_number(kDouble, 10, -96, static_cast<int64_t>(below(6))));
    load_number(code_, 1, map_);
    append(code_, {mov_reg(2, 10), alu(kAdd, 2, -96), mov_reg(3, 10), alu(kAdd, 3, -200)});
    if (number == helper::kOutput || number == kPullHelper) code_.push_back(mov(3, static_cast<int64_t>(below(64))));
    append(code_, {mov(4, static_cast<int64_t>(below(4))), call(number)});
    if (number == helper::kMapLookup) append(code_, {jump_if(kJeq, 0, 0, 1), load(kDouble, 0, 0, 0)});
    for (unsigned clobbered = 1; clobbered <= 5; ++clobbered)
      code_.push_back(mov(clobbered, number_for_register()));
  }
  int32_t number_for_register() { return number(); }

  std::mt19937_64 random_;
  uint64_t buffer_;
  uint64_t map_;
  Code code_;
};

struct Outcome {
  uint64_t result = 0;
  std::vector<uint8_t> memory;
  uint64_t seen = 0;
  std::vector<std::pair<uint64_t, uint64_t>> entries;
  bool operator==(const Outcome&) const = default;
};

class Differential : public testing::Test {
 protected:
  void SetUp() override {
    ir::MapSpec spec;
    spec.name = "m";
    spec.key_size = 8;
    spec.value_size = 8;
    spec.entries = 4;
    maps_.push_back(make_map(spec).value());
    rules_ = {{buffer_.data(), buffer_.size()}, {}, maps_, reinterpret_cast<uint64_t>(maps_[0].get()), 10'000'000};
  }

  template <typename Run>
  Outcome outcome(Run run) {
    for (size_t i = 0; i < buffer_.size(); ++i)
      buffer_[i] = static_cast<uint8_t>(i * 7);
    for (uint64_t key = 0; key < 8; ++key)
      (void)maps_[0]->erase(reinterpret_cast<const uint8_t*>(&key));
    environment_.seen = 1;
    Outcome result;
    result.result = run();
    result.memory.assign(buffer_.begin(), buffer_.end());
    result.seen = environment_.seen;
    maps_[0]->for_each([&](const uint8_t* key, uint8_t* value) {
      uint64_t numbers[2];
      std::memcpy(&numbers[0], key, 8);
      std::memcpy(&numbers[1], value, 8);
      result.entries.emplace_back(numbers[0], numbers[1]);
    });
    std::ranges::sort(result.entries);
    return result;
  }

  alignas(16) std::array<uint8_t, kBufferBytes> buffer_{};
  std::vector<std::unique_ptr<Map>> maps_;
  CountingEnvironment environment_;
  AccessRules rules_;
};

TEST_F(Differential, RandomProgramsDoTheSameEverywhere) {
  if (!MachineCode::available()) GTEST_SKIP() << "no machine code for this processor";
  constexpr uint64_t kPrograms = 3'000;
  const char* first = std::getenv("PERILUNE_SEED");
  const uint64_t begin = first == nullptr ? 1 : std::strtoull(first, nullptr, 10);
  uint64_t map_hits = 0;
  for (uint64_t seed = begin; seed < begin + kPrograms; ++seed) {
    const Code code =
        Generator(seed, reinterpret_cast<uint64_t>(buffer_.data()), reinterpret_cast<uint64_t>(maps_[0].get())).make();
    ASSERT_EQ(unsound(code), "") << "seed " << seed;
    HelperState interpreter_state{&environment_};
    Interpreter interpreter(code, kPatience, interpreter_state);
    const Outcome checked = outcome([&] { return interpreter.run_checked(5, 6, rules_); });
    ASSERT_EQ(interpreter.fault(), "") << "seed " << seed;
    ASSERT_EQ(checked.result, 42U) << "seed " << seed;
    interpreter_state = HelperState{&environment_};
    ASSERT_EQ(outcome([&] { return interpreter.run(5, 6); }), checked) << "unchecked, seed " << seed;
    for (const bool plain : {false, true}) {
      HelperState state{&environment_};
      const auto machine_code = MachineCode::translate(code, kPatience, state, plain);
      ASSERT_TRUE(machine_code.has_value()) << machine_code.error().message;
      const Outcome translated = outcome([&] { return machine_code->entry()(5, 6); });
      for (size_t i = 0; i < kBufferBytes; ++i) {
        ASSERT_EQ(translated.memory[i], checked.memory[i]) << "byte " << i << ", seed " << seed << ", plain " << plain;
      }
      ASSERT_EQ(translated, checked) << "seed " << seed << ", plain " << plain;
    }
    map_hits += checked.entries.size();
  }
  EXPECT_GT(map_hits, 100U);
}

}  // namespace
}  // namespace perilune::vm
