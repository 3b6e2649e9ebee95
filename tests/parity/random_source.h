// Random choices that depend on a seed alone, on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <span>
#include <type_traits>

namespace perilune::parity {

class RandomSource {
 public:
  explicit RandomSource(uint64_t seed) : engine_(seed) {}
  /// 0 to n - 1; n > 0.
  uint64_t below(uint64_t n) { return engine_() % n; }
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(below(static_cast<uint64_t>(high - low) + 1));
  }
  bool chance(unsigned percent) { return below(100) < percent; }
  uint64_t bits() { return engine_(); }
  template <typename T, size_t N>
  std::remove_const_t<T> pick(std::span<T, N> from) {
    return from[below(from.size())];
  }
  template <typename T>
  T pick(std::initializer_list<T> from) {
    return from.begin()[below(from.size())];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace perilune::parity
