// What code asks of its environment: called by the helpers, on the thread that runs the machine.
#pragma once

#include <cstdint>
#include <span>

namespace perilune::vm {

class Environment {
 public:
  virtual ~Environment() = default;
  /// The call pull(ctx, slot, upto): makes frame bytes [0, upto) stand in the slot, as far as there are that many.
  /// `context` is what Machine::run() was given.
  virtual void pull(void* context, uint64_t upto) = 0;
  /// The call replace_payload(ctx, slot, length): the payload becomes `length` bytes of the slot from
  /// header.replace_from on; header.replaced says what came of it. By default nothing, for code that never asks for it.
  virtual void replace_payload(uint64_t /*length*/) {}
  /// 64 random bits. Code fetches them in two calls of get_prandom_u32, the high 32 bits first.
  [[nodiscard]] virtual uint64_t random() = 0;
  /// A record for the ring buffer; 0, or -errno when it is lost.
  [[nodiscard]] virtual int output(std::span<const uint8_t> record) = 0;
  /// CLOCK_TAI, by default.
  [[nodiscard]] virtual uint64_t tai_ns();
};

}  // namespace perilune::vm
