#include <array>

#include <fmt/format.h>

#include "interpret.h"
#include "ir/opcodes.h"

namespace perilune::ir::test {
namespace {

constexpr uint64_t kMostSteps = 50'000'000;
constexpr uint64_t kGarbage = 0xdeadbeefcafef00d;
constexpr uint64_t kMapHandle = 0x7000'0000'0000;
constexpr uint64_t kEventsHandle = 0x7100'0000'0000;

constexpr int32_t kReplaceCall = -2;

class Machine {
 public:
  Machine(const Code& code, World& world) : code_(code), world_(world) {
    for (const Relocation& relocation : code.relocations)
      apply(relocation);
  }

  Outcome run() {
    registers_.fill(kGarbage);
    registers_[1] = 0x1234;
    registers_[2] = 0;
    registers_[10] = reinterpret_cast<uint64_t>(stack_.data() + stack_.size());
    size_t at = 0;
    while (outcome_.problem.empty()) {
      if (at >= code_.insns.size()) {
        outcome_.problem = "ran off the end";
        break;
      }
      if (++outcome_.steps > kMostSteps) {
        outcome_.problem = "endless";
        break;
      }
      const Insn insn = code_.insns[at];
      if (insn.code == 0x95) {
        outcome_.result = registers_[0];
        break;
      }
      at = step(insn, at);
    }
    if (!outcome_.problem.empty()) outcome_.problem += fmt::format(" at {}", at);
    return outcome_;
  }

 private:
  void set_wide(uint32_t insn, uint64_t value) {
    code_.insns[insn].imm = static_cast<int32_t>(value);
    code_.insns[insn + 1].imm = static_cast<int32_t>(value >> 32);
  }

  void apply(const Relocation& relocation) {
    switch (relocation.kind) {
      case Relocation::Kind::kMemory:
        set_wide(relocation.insn, reinterpret_cast<uint64_t>(world_.memory.data()) + relocation.index);
        break;
      case Relocation::Kind::kTables:
        set_wide(relocation.insn, reinterpret_cast<uint64_t>(world_.tables.data()) + relocation.index);
        break;
      case Relocation::Kind::kMap:
        set_wide(relocation.insn, kMapHandle + relocation.index);
        break;
      case Relocation::Kind::kEvents:
        set_wide(relocation.insn, kEventsHandle);
        break;
      case Relocation::Kind::kPull:
        break;
      case Relocation::Kind::kReplace:
        code_.insns[relocation.insn].imm = kReplaceCall;
        break;
      case Relocation::Kind::kLookup:
        code_.insns[relocation.insn].src = 0;
        code_.insns[relocation.insn].imm = bpf::helper::kMapLookup;
        break;
      case Relocation::Kind::kDivide:
        code_.insns[relocation.insn] = {bpf::kAlu64 | bpf::kDiv | bpf::kRegister, 0, 2, 0, 0};
        break;
      case Relocation::Kind::kModulo:
        code_.insns[relocation.insn] = {bpf::kAlu64 | bpf::kMod | bpf::kRegister, 0, 2, 0, 0};
        break;
      case Relocation::Kind::kSlotMask:
        code_.insns[relocation.insn].imm = 0;  // one slot
        break;
    }
  }

  uint8_t* at(uint64_t address, size_t bytes) {
    auto* place = reinterpret_cast<uint8_t*>(address);  // NOLINT: addresses are values here
    const auto in = [&](uint8_t* begin, size_t size) { return place >= begin && place + bytes <= begin + size; };
    if (in(world_.memory.data(), world_.memory.size()) || in(world_.tables.data(), world_.tables.size()) ||
        in(stack_.data(), stack_.size())) {
      return place;
    }
    for (auto& map : world_.maps) {
      for (auto& [key, value] : map) {
        if (in(value.data(), value.size())) return place;
      }
    }
    outcome_.problem = "access out of bounds";
    return nullptr;
  }

  static size_t bytes_of(uint8_t code) {
    switch (code & 0x18) {
      case 0x10:
        return 1;
      case 0x08:
        return 2;
      case 0x00:
        return 4;
      default:
        return 8;
    }
  }

  uint64_t arithmetic(uint8_t code, uint64_t a, uint64_t b, bool wide) {
    const unsigned bits = wide ? 64 : 32;
    switch (code & 0xf0) {
      case 0x00:
        return a + b;
      case 0x10:
        return a - b;
      case 0x20:
        return a * b;
      case 0x30:
        return b == 0 ? 0 : a / b;
      case 0x40:
        return a | b;
      case 0x50:
        return a & b;
      case 0x60:
        return a << (b % bits);
      case 0x70:
        return a >> (b % bits);
      case 0x90:
        return b == 0 ? a : a % b;
      case 0xa0:
        return a ^ b;
      case 0xb0:
        return b;
      case 0xc0:
        return wide ? static_cast<uint64_t>(static_cast<int64_t>(a) >> (b % 64))
                    : static_cast<uint64_t>(static_cast<int32_t>(a) >> (b % 32));
      default:
        outcome_.problem = fmt::format("arithmetic {:#x}", code);
        return 0;
    }
  }

  bool decide(uint8_t code, uint64_t a, uint64_t b) {
    const auto sa = static_cast<int64_t>(a);
    const auto sb = static_cast<int64_t>(b);
    switch (code & 0xf0) {
      case 0x10:
        return a == b;
      case 0x20:
        return a > b;
      case 0x30:
        return a >= b;
      case 0x40:
        return (a & b) != 0;
      case 0x50:
        return a != b;
      case 0x60:
        return sa > sb;
      case 0x70:
        return sa >= sb;
      case 0xa0:
        return a < b;
      case 0xb0:
        return a <= b;
      case 0xc0:
        return sa < sb;
      case 0xd0:
        return sa <= sb;
      default:
        outcome_.problem = fmt::format("jump {:#x}", code);
        return false;
    }
  }

  size_t step(const Insn& insn, size_t at_insn) {
    const uint64_t right = (insn.code & 8) != 0 ? registers_[insn.src] : static_cast<uint64_t>(int64_t{insn.imm});
    uint64_t& dst = registers_[insn.dst];
    switch (insn.code & 7) {
      case 0:  // a load-immediate
        dst = static_cast<uint64_t>(static_cast<uint32_t>(code_.insns[at_insn + 1].imm)) << 32 |
              static_cast<uint32_t>(insn.imm);
        return at_insn + 2;
      case 1: {
        uint64_t result = 0;
        const size_t bytes = bytes_of(insn.code);
        if (const uint8_t* place = at(registers_[insn.src] + static_cast<uint64_t>(int64_t{insn.off}), bytes)) {
          memcpy(&result, place, bytes);
        }
        dst = result;
        return at_insn + 1;
      }
      case 2:
      case 3: {
        const size_t bytes = bytes_of(insn.code);
        uint8_t* place = at(dst + static_cast<uint64_t>(int64_t{insn.off}), bytes);
        if (place == nullptr) return at_insn;
        const uint64_t value = (insn.code & 7) == 2 ? static_cast<uint64_t>(int64_t{insn.imm}) : registers_[insn.src];
        if ((insn.code & 0xe0) == 0xc0) {
          uint64_t before = 0;
          memcpy(&before, place, bytes);
          const uint64_t after = before + value;
          memcpy(place, &after, bytes);
          registers_[insn.src] = before;
        } else {
          memcpy(place, &value, bytes);
        }
        return at_insn + 1;
      }
      case 4:
        if ((insn.code & 0xf0) == 0xd0) {
          dst = insn.imm == 16   ? __builtin_bswap16(static_cast<uint16_t>(dst))
                : insn.imm == 32 ? __builtin_bswap32(static_cast<uint32_t>(dst))
                                 : __builtin_bswap64(dst);
        } else {
          dst = static_cast<uint32_t>(
              arithmetic(insn.code, static_cast<uint32_t>(dst), static_cast<uint32_t>(right), false));
        }
        return at_insn + 1;
      case 7:
        dst = arithmetic(insn.code, dst, right, true);
        return at_insn + 1;
      case 5: {
        const size_t target = at_insn + 1 + static_cast<size_t>(int64_t{insn.off});
        if ((insn.code & 0xf0) == 0x00) return target;
        if ((insn.code & 0xf0) == 0x80) {
          call(insn);
          return at_insn + 1;
        }
        if (insn.code == 0xe5) return at_insn + 1;  // never exhausted
        return decide(insn.code, dst, right) ? target : at_insn + 1;
      }
      default:
        outcome_.problem = fmt::format("instruction {:#x}", insn.code);
        return at_insn;
    }
  }

  void call(const Insn& insn) {
    uint64_t result = 0;
    const auto map = static_cast<uint32_t>(registers_[1] - kMapHandle);
    const auto need_map = [&] {
      if (map >= world_.maps.size()) outcome_.problem = "no map";
      return map < world_.maps.size();
    };
    const uint8_t* second = reinterpret_cast<const uint8_t*>(registers_[2]);  // NOLINT
    if (insn.src == 1) {
      if (registers_[1] != 0x1234 || registers_[2] != 0) outcome_.problem = "a call for another packet";
      if (insn.imm == kReplaceCall) {
        world_.replace(registers_[3]);
      } else {
        world_.pull(registers_[3]);
      }
    } else {
      switch (insn.imm) {
        case 1:
          if (!need_map()) break;
          if (auto* value = world_.lookup(map, second)) result = reinterpret_cast<uint64_t>(value->data());
          break;
        case 2:
          if (!need_map()) break;
          result = static_cast<uint64_t>(
              world_.update(map, second, reinterpret_cast<const uint8_t*>(registers_[3])));  // NOLINT
          break;
        case 3:
          if (!need_map()) break;
          result = static_cast<uint64_t>(world_.erase(map, second));
          break;
        case bpf::helper::kTime:
          result = world_.ktime();
          break;
        case 7:
          result = world_.next_random();
          break;
        case 130:
          if (registers_[1] != kEventsHandle || registers_[4] != 0) outcome_.problem = "wrong event";
          result = static_cast<uint64_t>(world_.emit(second, registers_[3]));
          break;
        default:
          outcome_.problem = fmt::format("call {}", insn.imm);
          break;
      }
    }
    registers_.at(0) = result;
    for (size_t i = 1; i <= 5; ++i)
      registers_.at(i) = kGarbage + i;
  }

  Code code_;
  World& world_;
  std::array<uint64_t, 16> registers_{};
  std::array<uint8_t, 512> stack_{};
  Outcome outcome_;
};

}  // namespace

Outcome interpret(const Code& code, World& world) {
  return Machine(code, world).run();
}

}  // namespace perilune::ir::test
