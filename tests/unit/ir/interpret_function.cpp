// The meaning of a function of the intermediate form, written out a second time: what folding, passes and code
// generation make of it is compared with this. So it shares no code with them, ir/form/fold.h least of all, although
// the operators read alike there.
#include <array>
#include <bit>

#include <fmt/format.h>

#include "interpret.h"

namespace perilune::ir::test {
namespace {

constexpr uint64_t kMostSteps = 2'000'000;

class Machine {
 public:
  Machine(const Function& function, World& world) : function_(function), world_(world), values_(function.values) {}

  Outcome run() {
    BlockId block = 0;
    while (outcome_.problem.empty()) {
      const Block& here = function_.blocks[block];
      for (const Instruction& instruction : here.instructions) {
        step(instruction);
        if (!outcome_.problem.empty()) return outcome_;
      }
      const Terminator& end = here.terminator;
      if (end.kind == Terminator::Kind::kReturn) {
        outcome_.result = values_[end.a];
        return outcome_;
      }
      const Edge& edge = end.kind == Terminator::Kind::kBranch && !decide(end.condition, values_[end.a], values_[end.b])
                             ? end.otherwise
                             : end.then;
      std::vector<uint64_t> arguments;
      for (const Value argument : edge.arguments)
        arguments.push_back(values_[argument]);
      for (size_t i = 0; i < arguments.size(); ++i) {
        values_[function_.blocks[edge.target].parameters[i]] = arguments[i];
      }
      block = edge.target;
      if (++outcome_.steps > kMostSteps) outcome_.problem = "endless";
    }
    return outcome_;
  }

 private:
  static bool decide(Condition condition, uint64_t a, uint64_t b) {
    const auto sa = static_cast<int64_t>(a);
    const auto sb = static_cast<int64_t>(b);
    switch (condition) {
      case Condition::kEq:
        return a == b;
      case Condition::kNe:
        return a != b;
      case Condition::kUlt:
        return a < b;
      case Condition::kUle:
        return a <= b;
      case Condition::kUgt:
        return a > b;
      case Condition::kUge:
        return a >= b;
      case Condition::kSlt:
        return sa < sb;
      case Condition::kSle:
        return sa <= sb;
      case Condition::kSgt:
        return sa > sb;
      case Condition::kSge:
        return sa >= sb;
    }
    return false;
  }

  uint8_t* at(uint64_t address, int64_t disp, size_t bytes) {
    uint8_t* place = reinterpret_cast<uint8_t*>(address) + disp;  // NOLINT: addresses are values here
    for (std::vector<uint8_t>* region : {&world_.memory, &world_.tables}) {
      if (place >= region->data() && place + bytes <= region->data() + region->size()) return place;
    }
    outcome_.problem = fmt::format("access out of bounds by {} bytes", bytes);
    return nullptr;
  }

  uint64_t load(uint64_t address, int64_t disp, size_t bytes) {
    uint64_t result = 0;
    if (const uint8_t* place = at(address, disp, bytes)) memcpy(&result, place, bytes);
    return result;
  }

  void step(const Instruction& i) {
    const uint64_t a = values_[i.a];
    const uint64_t b = values_[i.b];
    uint8_t* slot = world_.memory.data();
    uint64_t r = 0;
    switch (i.op) {
      case Op::kConst:
        r = static_cast<uint64_t>(i.imm);
        break;
      case Op::kParam:
        outcome_.problem = "parameter";
        break;
      case Op::kAdd:
        r = a + b;
        break;
      case Op::kSub:
        r = a - b;
        break;
      case Op::kMul:
        r = a * b;
        break;
      case Op::kUdiv:
        r = b == 0 ? 0 : a / b;
        break;
      case Op::kUmod:
        r = b == 0 ? a : a % b;
        break;
      case Op::kAnd:
        r = a & b;
        break;
      case Op::kOr:
        r = a | b;
        break;
      case Op::kXor:
        r = a ^ b;
        break;
      case Op::kShl:
        r = a << (b % 64);
        break;
      case Op::kLshr:
        r = a >> (b % 64);
        break;
      case Op::kAshr:
        r = static_cast<uint64_t>(static_cast<int64_t>(a) >> (b % 64));
        break;
      case Op::kSwap16:
        r = (a & 0xff) << 8 | (a >> 8 & 0xff);
        break;
      case Op::kSwap32:
        r = __builtin_bswap32(static_cast<uint32_t>(a));
        break;
      case Op::kSwap64:
        r = __builtin_bswap64(a);
        break;
      case Op::kLaunder:
        r = a;
        break;
      case Op::kSlot:
        r = reinterpret_cast<uint64_t>(slot);
        break;
      case Op::kTables:
        r = reinterpret_cast<uint64_t>(world_.tables.data()) + static_cast<uint64_t>(i.imm);
        break;
      case Op::kOffset:
        r = a + (b & static_cast<uint64_t>(i.imm));
        break;
      case Op::kLoad8:
        r = load(a, i.disp, 1);
        break;
      case Op::kLoad16:
        r = load(a, i.disp, 2);
        break;
      case Op::kLoad32:
        r = load(a, i.disp, 4);
        break;
      case Op::kLoad64:
        r = load(a, i.disp, 8);
        break;
      case Op::kStore8:
      case Op::kStore16:
      case Op::kStore32:
      case Op::kStore64: {
        const size_t bytes = size_t{1} << (static_cast<unsigned>(i.op) - static_cast<unsigned>(Op::kStore8));
        if (uint8_t* place = at(a, i.disp, bytes)) memcpy(place, &b, bytes);
        return;
      }
      case Op::kPull:
        world_.pull(a);
        return;
      case Op::kReplace:
        world_.replace(a);
        return;
      case Op::kMapLookup:
        if (auto* value = world_.lookup(i.index, slot + i.disp)) {
          memcpy(slot + i.disp2, value->data(), static_cast<size_t>(i.imm));
          r = 1;
          kept_[i.kept] = value->data();
        } else {
          kept_[i.kept] = nullptr;
        }
        break;
      case Op::kMapStore:
        if (uint8_t* element = kept_[i.kept]; element != nullptr) {
          memcpy(element, slot + i.disp2, static_cast<size_t>(i.imm));
          r = 1;
        }
        break;
      case Op::kMapUpdate:
        r = static_cast<uint64_t>(world_.update(i.index, slot + i.disp, slot + i.disp2));
        break;
      case Op::kMapDelete:
        r = static_cast<uint64_t>(world_.erase(i.index, slot + i.disp));
        break;
      case Op::kMapAdd:
        if (auto* value = world_.lookup(i.index, slot + i.disp)) {
          uint64_t before = 0;
          memcpy(&before, value->data() + i.disp2, static_cast<size_t>(i.imm));
          const uint64_t after = before + a;
          memcpy(value->data() + i.disp2, &after, static_cast<size_t>(i.imm));
          memcpy(slot + PL_SCRATCH - 8, &before, 8);
          r = 1;
        }
        break;
      case Op::kKtime:
        r = world_.ktime();
        break;
      case Op::kRandom: {
        const uint64_t high = world_.next_random();
        r = high << 32 | world_.next_random();
        break;
      }
      case Op::kEmit:
        r = static_cast<uint64_t>(world_.emit(slot + i.disp, a));
        break;
    }
    values_[i.result] = r;
  }

  const Function& function_;
  World& world_;
  std::vector<uint64_t> values_;
  std::array<uint8_t*, kKeptPlaces + 1> kept_{};  // 0: of look-ups that keep nothing
  Outcome outcome_;
};

}  // namespace

Outcome interpret(const Function& function, World& world) {
  return Machine(function, world).run();
}

}  // namespace perilune::ir::test
