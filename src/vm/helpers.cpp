#include "vm/helpers.h"

#include <cerrno>
#include <ctime>
#include <span>

#include "ir/opcodes.h"
#include "vm/map.h"

namespace perilune::vm {
namespace {

namespace helper = ir::bpf::helper;

template <typename T>
T* pointer(uint64_t address) {
  return reinterpret_cast<T*>(address);
}

// A negative errno as the kernel's helpers return it: sign extended.
uint64_t result(int code) {
  return static_cast<uint64_t>(int64_t{code});
}

uint64_t map_lookup(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t, HelperState*) {
  return reinterpret_cast<uint64_t>(pointer<Map>(map)->lookup(pointer<const uint8_t>(key)));
}

uint64_t map_update(uint64_t map, uint64_t key, uint64_t value, uint64_t flags, uint64_t, HelperState*) {
  return result(pointer<Map>(map)->update(pointer<const uint8_t>(key), pointer<const uint8_t>(value), flags));
}

uint64_t map_delete(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t, HelperState*) {
  return result(pointer<Map>(map)->erase(pointer<const uint8_t>(key)));
}

uint64_t tai_time(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, HelperState* state) {
  return state->environment->tai_ns();
}

uint64_t random(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, HelperState* state) {
  state->random_half = !state->random_half;
  if (!state->random_half) return state->random_low;
  const uint64_t bits = state->environment->random();
  state->random_low = static_cast<uint32_t>(bits);
  return bits >> 32;
}

uint64_t output(uint64_t, uint64_t data, uint64_t size, uint64_t, uint64_t, HelperState* state) {
  return result(state->environment->output({pointer<const uint8_t>(data), size}));
}

uint64_t replace_payload(uint64_t, uint64_t, uint64_t length, uint64_t, uint64_t, HelperState* state) {
  state->environment->replace_payload(length);
  return 0;
}

uint64_t pull(uint64_t context, uint64_t, uint64_t upto, uint64_t, uint64_t, HelperState* state) {
  state->environment->pull(pointer<void>(context), upto);
  return 0;
}

}  // namespace

uint64_t Environment::tai_ns() {
  timespec now{};
  clock_gettime(CLOCK_TAI, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

Helper find_helper(int32_t number) {
  switch (number) {
    case helper::kMapLookup:
      return map_lookup;
    case helper::kMapUpdate:
      return map_update;
    case helper::kMapDelete:
      return map_delete;
    case helper::kTime:
      return tai_time;
    case helper::kRandom:
      return random;
    case helper::kOutput:
      return output;
    case kPullHelper:
      return pull;
    case kReplaceHelper:
      return replace_payload;
    default:
      return nullptr;
  }
}

}  // namespace perilune::vm
