#include "vm/interpreter.h"

#include <array>
#include <atomic>
#include <cstring>

#include <fmt/format.h>

#include "ir/opcodes.h"
#include "vm/arithmetic.h"

// The instructions come in families of the same shape; each macro below makes the cases of one.
//   class | operation | register or immediate  ->  dst = dst operation operand
#define PERILUNE_ARITHMETIC(operation)                                                                       \
  case kAlu64 | (operation) | kRegister:                                                                     \
    r[insn.dst] = arithmetic<operation, uint64_t>(r[insn.dst], r[insn.src], insn.off != 0);                  \
    continue;                                                                                                \
  case kAlu64 | (operation) | kImmediate:                                                                    \
    r[insn.dst] = arithmetic<operation, uint64_t>(r[insn.dst], extended(insn.imm), insn.off != 0);           \
    continue;                                                                                                \
  case kAlu32 | (operation) | kRegister:                                                                     \
    r[insn.dst] = arithmetic<operation, uint32_t>(low(r[insn.dst]), low(r[insn.src]), insn.off != 0);        \
    continue;                                                                                                \
  case kAlu32 | (operation) | kImmediate:                                                                    \
    r[insn.dst] = arithmetic<operation, uint32_t>(low(r[insn.dst]), low(extended(insn.imm)), insn.off != 0); \
    continue;
//   if (dst condition operand) goto off
#define PERILUNE_JUMP(operation)                                                               \
  case kJmp | (operation) | kRegister:                                                         \
    if (holds<operation, uint64_t>(r[insn.dst], r[insn.src])) pc += insn.off;                  \
    continue;                                                                                  \
  case kJmp | (operation) | kImmediate:                                                        \
    if (holds<operation, uint64_t>(r[insn.dst], extended(insn.imm))) pc += insn.off;           \
    continue;                                                                                  \
  case kJmp32 | (operation) | kRegister:                                                       \
    if (holds<operation, uint32_t>(low(r[insn.dst]), low(r[insn.src]))) pc += insn.off;        \
    continue;                                                                                  \
  case kJmp32 | (operation) | kImmediate:                                                      \
    if (holds<operation, uint32_t>(low(r[insn.dst]), low(extended(insn.imm)))) pc += insn.off; \
    continue;
//   dst = *(T*)(src + off), zero or sign extended; *(T*)(dst + off) = src or imm
#define PERILUNE_MEMORY(size, T)                               \
  case kLdx | kMem | (size): {                                 \
    const uint64_t address = r[insn.src] + extended(insn.off); \
    if (!allowed(address, sizeof(T), false)) return stop();    \
    r[insn.dst] = load<T>(address);                            \
    continue;                                                  \
  }                                                            \
  case kStx | kMem | (size): {                                 \
    const uint64_t address = r[insn.dst] + extended(insn.off); \
    if (!allowed(address, sizeof(T), true)) return stop();     \
    store<T>(address, static_cast<T>(r[insn.src]));            \
    continue;                                                  \
  }                                                            \
  case kSt | kMem | (size): {                                  \
    const uint64_t address = r[insn.dst] + extended(insn.off); \
    if (!allowed(address, sizeof(T), true)) return stop();     \
    store<T>(address, static_cast<T>(extended(insn.imm)));     \
    continue;                                                  \
  }
#define PERILUNE_SIGNED_LOAD(size, T)                          \
  case kLdx | kMemSigned | (size): {                           \
    const uint64_t address = r[insn.src] + extended(insn.off); \
    if (!allowed(address, sizeof(T), false)) return stop();    \
    r[insn.dst] = extended(load<T>(address));                  \
    continue;                                                  \
  }
#define PERILUNE_ATOMIC(size, T)                                                                   \
  case kStx | kAtomic | (size): {                                                                  \
    const uint64_t address = r[insn.dst] + extended(insn.off);                                     \
    if (!allowed(address, sizeof(T), true)) return stop();                                         \
    if (kChecked && address % sizeof(T) != 0) return fail("an atomic access that is not aligned"); \
    atomic<T>(insn, address, r);                                                                   \
    continue;                                                                                      \
  }

namespace perilune::vm {
namespace {

using namespace ir::bpf;
using ir::Insn;
using Registers = std::array<uint64_t, 11>;

constexpr uint64_t extended(int64_t number) {
  return static_cast<uint64_t>(number);
}
constexpr uint32_t low(uint64_t number) {
  return static_cast<uint32_t>(number);
}

template <typename T>
T load(uint64_t address) {
  T value;
  std::memcpy(&value, reinterpret_cast<const void*>(address), sizeof value);
  return value;
}
template <typename T>
void store(uint64_t address, T value) {
  std::memcpy(reinterpret_cast<void*>(address), &value, sizeof value);
}

template <typename T>
void atomic(const Insn& insn, uint64_t address, Registers& r) {
  const std::atomic_ref<T> place(*reinterpret_cast<T*>(address));
  const auto operand = static_cast<T>(r[insn.src]);
  T before = 0;
  switch (insn.imm & ~kFetch) {
    case kAtomicAdd:
      before = place.fetch_add(operand);
      break;
    case kAtomicOr:
      before = place.fetch_or(operand);
      break;
    case kAtomicAnd:
      before = place.fetch_and(operand);
      break;
    case kAtomicXor:
      before = place.fetch_xor(operand);
      break;
    case kExchange & ~kFetch:
      before = place.exchange(operand);
      break;
    default: {  // kCompareExchange
      auto expected = static_cast<T>(r[0]);
      place.compare_exchange_strong(expected, operand);
      r[0] = expected;
      return;
    }
  }
  if ((insn.imm & kFetch) != 0) r[insn.src] = before;
}

uint64_t swapped(uint64_t value, int32_t bits) {
  if (bits == 16) return __builtin_bswap16(static_cast<uint16_t>(value));
  if (bits == 32) return __builtin_bswap32(low(value));
  return __builtin_bswap64(value);
}
uint64_t cut(uint64_t value, int32_t bits) {
  if (bits == 16) return static_cast<uint16_t>(value);
  return bits == 32 ? low(value) : value;
}

uint64_t sign_extended(uint64_t value, int16_t bits) {
  if (bits == 8) return extended(static_cast<int8_t>(value));
  if (bits == 16) return extended(static_cast<int16_t>(value));
  return bits == 32 ? extended(static_cast<int32_t>(value)) : value;
}

constexpr bool kLittleEndian = std::endian::native == std::endian::little;

bool inside(uint64_t address, size_t size, uint64_t begin, size_t length) {
  const uint64_t offset = address - begin;
  return offset < length && size <= length - offset;
}

// The memory that checked code may use.
class Ground {
 public:
  Ground(const AccessRules* rules, uint64_t stack) : rules_(rules), stack_(stack) {}

  [[nodiscard]] bool allowed(uint64_t address, size_t size, bool write) const {
    if (inside(address, size, reinterpret_cast<uint64_t>(rules_->memory.data()), rules_->memory.size())) return true;
    if (inside(address, size, stack_, kStackBytes)) return true;
    if (!write && inside(address, size, reinterpret_cast<uint64_t>(rules_->tables.data()), rules_->tables.size())) {
      return true;
    }
    for (const auto& map : rules_->maps) {
      if (map->holds(address, size)) return true;
    }
    return false;
  }

  // What a helper reads for its arguments r1 to r5 is there.
  [[nodiscard]] bool can_call(int32_t number, const Registers& r) const {
    switch (number) {
      case helper::kMapLookup:
      case helper::kMapDelete: {
        const Map* map = find(r[1]);
        return map != nullptr && allowed(r[2], map->key_size(), false);
      }
      case helper::kMapUpdate: {
        const Map* map = find(r[1]);
        return map != nullptr && allowed(r[2], map->key_size(), false) && allowed(r[3], map->value_size(), false);
      }
      case helper::kOutput:
        return r[1] == rules_->events && allowed(r[2], r[3], false);
      default:
        return true;
    }
  }

 private:
  [[nodiscard]] const Map* find(uint64_t address) const {
    for (const auto& map : rules_->maps) {
      if (reinterpret_cast<uint64_t>(map.get()) == address) return map.get();
    }
    return nullptr;
  }

  const AccessRules* rules_;
  uint64_t stack_;
};

}  // namespace

template <bool kChecked>
uint64_t Interpreter::execute(uint64_t r1, uint64_t r2, const AccessRules* rules) {
  alignas(16) std::array<uint8_t, kStackBytes> stack;
  Registers r{};
  r[1] = r1;
  r[2] = r2;
  r[kFramePointer] = reinterpret_cast<uint64_t>(stack.data() + stack.size());
  uint32_t patience = patience_;
  const Insn* pc = code_.data();

  [[maybe_unused]] const Ground ground(rules, reinterpret_cast<uint64_t>(stack.data()));
  [[maybe_unused]] uint64_t steps = 0;
  const auto fail = [&](std::string_view problem) -> uint64_t {
    fault_ = fmt::format("instruction {}: {}", pc - 1 - code_.data(), problem);
    return 0;
  };
  const auto allowed = [&](uint64_t address, size_t size, bool write) {
    if constexpr (!kChecked) return true;
    return ground.allowed(address, size, write);
  };
  const auto stop = [&] { return fail("an access outside the memory it may use"); };

  for (;;) {
    const Insn& insn = *pc++;
    if constexpr (kChecked) {
      if (++steps > rules->most_steps) return fail("no end");
    }
    switch (insn.code) {
      PERILUNE_ARITHMETIC(kAdd)
      PERILUNE_ARITHMETIC(kSub)
      PERILUNE_ARITHMETIC(kMul)
      PERILUNE_ARITHMETIC(kDiv)
      PERILUNE_ARITHMETIC(kMod)
      PERILUNE_ARITHMETIC(kOr)
      PERILUNE_ARITHMETIC(kAnd)
      PERILUNE_ARITHMETIC(kXor)
      PERILUNE_ARITHMETIC(kLsh)
      PERILUNE_ARITHMETIC(kRsh)
      PERILUNE_ARITHMETIC(kArsh)
      PERILUNE_JUMP(kJeq)
      PERILUNE_JUMP(kJne)
      PERILUNE_JUMP(kJset)
      PERILUNE_JUMP(kJgt)
      PERILUNE_JUMP(kJge)
      PERILUNE_JUMP(kJlt)
      PERILUNE_JUMP(kJle)
      PERILUNE_JUMP(kJsgt)
      PERILUNE_JUMP(kJsge)
      PERILUNE_JUMP(kJslt)
      PERILUNE_JUMP(kJsle)
      PERILUNE_MEMORY(kByte, uint8_t)
      PERILUNE_MEMORY(kHalf, uint16_t)
      PERILUNE_MEMORY(kWord, uint32_t)
      PERILUNE_MEMORY(kDouble, uint64_t)
      PERILUNE_SIGNED_LOAD(kByte, int8_t)
      PERILUNE_SIGNED_LOAD(kHalf, int16_t)
      PERILUNE_SIGNED_LOAD(kWord, int32_t)
      PERILUNE_ATOMIC(kWord, uint32_t)
      PERILUNE_ATOMIC(kDouble, uint64_t)
      case kAlu64 | kMov | kRegister:
        r[insn.dst] = sign_extended(r[insn.src], insn.off);
        continue;
      case kAlu64 | kMov | kImmediate:
        r[insn.dst] = extended(insn.imm);
        continue;
      case kAlu32 | kMov | kRegister:
        r[insn.dst] = low(sign_extended(r[insn.src], insn.off));
        continue;
      case kAlu32 | kMov | kImmediate:
        r[insn.dst] = low(extended(insn.imm));
        continue;
      case kAlu64 | kNeg:
        r[insn.dst] = uint64_t{0} - r[insn.dst];
        continue;
      case kAlu32 | kNeg:
        r[insn.dst] = uint32_t{0} - low(r[insn.dst]);
        continue;
      case kAlu32 | kEnd | kImmediate:  // to little endian
        r[insn.dst] = kLittleEndian ? cut(r[insn.dst], insn.imm) : swapped(r[insn.dst], insn.imm);
        continue;
      case kAlu32 | kEnd | kRegister:  // to big endian
        r[insn.dst] = kLittleEndian ? swapped(r[insn.dst], insn.imm) : cut(r[insn.dst], insn.imm);
        continue;
      case kAlu64 | kEnd:
        r[insn.dst] = swapped(r[insn.dst], insn.imm);
        continue;
      case kLoadImm64:
        r[insn.dst] = (uint64_t{low(extended(pc->imm))} << 32) | low(extended(insn.imm));
        ++pc;
        continue;
      case kJmp | kJa:
        pc += insn.off;
        continue;
      case kJmp32 | kJa:
        pc += insn.imm;
        continue;
      case kMayGoto:
        if (patience == 0) {
          pc += insn.off;
        } else {
          --patience;
        }
        continue;
      case kCallHelper:
        if constexpr (kChecked) {
          if (!ground.can_call(insn.imm, r)) return fail("calls a helper with what it cannot use");
        }
        r[0] = find_helper(insn.imm)(r[1], r[2], r[3], r[4], r[5], helpers_);
        continue;
      case kReturn:
        return r[0];
      default:
        return fail("unknown instruction");  // soundness.h lets none through
    }
  }
}

uint64_t Interpreter::run(uint64_t r1, uint64_t r2) {
  return execute<false>(r1, r2, nullptr);
}

uint64_t Interpreter::run_checked(uint64_t r1, uint64_t r2, const AccessRules& rules) {
  fault_.clear();
  return execute<true>(r1, r2, &rules);
}

}  // namespace perilune::vm
