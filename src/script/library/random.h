// xoshiro256** (Blackman and Vigna, 2018), the generator of Lua's own math.random: what random() draws from, in every
// engine.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <random>

namespace perilune::script {

class Random {
 public:
  // SplitMix64: spreads one word of seed over the state, which must not be all zeros.
  explicit Random(uint64_t seed) {
    for (uint64_t& word : words_) {
      seed += 0x9e3779b97f4a7c15U;
      uint64_t mixed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9U;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
      word = mixed ^ (mixed >> 31);
    }
  }

  /// 64 random bits.
  uint64_t next() {
    ++drawn_;
    auto& s = words_;
    const uint64_t result = std::rotl(s[1] * 5, 7) * 9;
    const uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = std::rotl(s[3], 45);
    return result;
  }

  /// How often next() was called.
  [[nodiscard]] uint64_t drawn() const { return drawn_; }

  [[nodiscard]] static uint64_t system_seed() {
    std::random_device device;
    return (uint64_t{device()} << 32) | device();
  }

 private:
  std::array<uint64_t, 4> words_{};
  uint64_t drawn_ = 0;
};

}  // namespace perilune::script
