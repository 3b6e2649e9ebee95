#include "packet/crc32c.h"

#include <array>

namespace perilune::packet {
namespace {

constexpr uint32_t kReversedPolynomial = 0x82f63b78;

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t value = 0; value < table.size(); ++value) {
    uint32_t remainder = value;
    for (int bit = 0; bit < 8; ++bit) {
      remainder = (remainder >> 1U) ^ ((remainder & 1U) != 0 ? kReversedPolynomial : 0U);
    }
    table[value] = remainder;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = make_table();

}  // namespace

uint32_t crc32c_add(std::span<const uint8_t> bytes, uint32_t state) {
  for (const uint8_t byte : bytes)
    state = kTable[(state ^ byte) & 0xffU] ^ (state >> 8U);
  return state;
}

}  // namespace perilune::packet
