// map.array: entries 0 to size - 1, always there, zeros at first, as the kernel's arrays are. And the counter without a
// key.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "script/maps/map_kinds.h"

namespace perilune::script {
namespace {

class ArrayMap final : public Map {
 public:
  explicit ArrayMap(const MapDeclaration& declaration)
      : Map(declaration), values_(size_t{declaration.size} * value_size()) {}

  bool get(const uint8_t* key, uint8_t* value, uint64_t /*now_ns*/) override {
    const auto index = read_host<uint32_t>(key);
    const std::lock_guard lock(mutex_of(index));
    std::copy_n(at(index), value_size(), value);
    return true;
  }

  Outcome set(const uint8_t* key, const uint8_t* value, uint64_t /*now_ns*/) override {
    const auto index = read_host<uint32_t>(key);
    const std::lock_guard lock(mutex_of(index));
    std::copy_n(value, value_size(), at(index));
    return Outcome::kDone;
  }

  Outcome add(const uint8_t* key, int64_t amount, uint64_t /*now_ns*/, unsigned /*worker*/, int64_t& sum) override {
    const ShapePart& part = declaration().value.parts[0];
    const auto index = read_host<uint32_t>(key);
    const std::lock_guard lock(mutex_of(index));
    uint8_t* stored = at(index);
    const auto wrapped = static_cast<uint64_t>(load_integer(part, stored)) + static_cast<uint64_t>(amount);
    store_integer(part, static_cast<int64_t>(wrapped), stored);
    sum = load_integer(part, stored);
    return Outcome::kDone;
  }

  void erase(const uint8_t* key) override {
    const auto index = read_host<uint32_t>(key);
    const std::lock_guard lock(mutex_of(index));
    std::fill_n(at(index), value_size(), uint8_t{0});
  }

  uint64_t count(uint64_t /*now_ns*/) override { return declaration().size; }

  size_t copy(std::span<uint8_t> buffer, uint64_t /*now_ns*/) override {
    const size_t size_of_one = sizeof(uint32_t) + value_size();
    size_t copied = 0;
    for (uint32_t index = 0; index < declaration().size && (copied + 1) * size_of_one <= buffer.size(); ++index) {
      const std::lock_guard lock(mutex_of(index));
      const uint8_t* value = at(index);
      if (std::all_of(value, value + value_size(), [](uint8_t byte) { return byte == 0; })) continue;
      uint8_t* record = buffer.data() + copied * size_of_one;
      std::memcpy(record, &index, sizeof index);
      std::memcpy(record + sizeof index, value, value_size());
      ++copied;
    }
    return copied;
  }

  std::string key_text(std::span<const uint8_t> key) const override {
    return fmt::format("{}", read_host<uint32_t>(key.data()));
  }

 private:
  static constexpr size_t kLocks = 16;

  [[nodiscard]] uint8_t* at(uint32_t index) { return values_.data() + size_t{index} * value_size(); }
  [[nodiscard]] std::mutex& mutex_of(uint32_t index) { return mutexes_[index % kLocks]; }

  std::vector<uint8_t> values_;
  std::array<std::mutex, kLocks> mutexes_;
};

// One number in a cache line per worker, so that workers that count do not wait for each other; the sum is made by who
// reads.
class SingleCounter final : public Map {
 public:
  explicit SingleCounter(const MapDeclaration& declaration) : Map(declaration) {}

  bool get(const uint8_t* /*key*/, uint8_t* value, uint64_t /*now_ns*/) override {
    const uint64_t total = sum_of_parts();
    std::memcpy(value, &total, sizeof total);
    return true;
  }

  Outcome set(const uint8_t* /*key*/, const uint8_t* value, uint64_t /*now_ns*/) override {
    for (Part& part : parts_)
      part.count.store(0, std::memory_order_relaxed);
    parts_[0].count.store(read_host<uint64_t>(value), std::memory_order_relaxed);
    return Outcome::kDone;
  }

  Outcome add(const uint8_t* /*key*/, int64_t amount, uint64_t /*now_ns*/, unsigned worker, int64_t& sum) override {
    parts_[worker % kParts].count.fetch_add(static_cast<uint64_t>(amount), std::memory_order_relaxed);
    sum = 0;
    return Outcome::kDone;
  }

  void erase(const uint8_t* /*key*/) override {
    for (Part& part : parts_)
      part.count.store(0, std::memory_order_relaxed);
  }

  uint64_t count(uint64_t /*now_ns*/) override { return 1; }

  size_t copy(std::span<uint8_t> buffer, uint64_t /*now_ns*/) override {
    const uint64_t total = sum_of_parts();
    if (buffer.size() < sizeof total) return 0;
    std::memcpy(buffer.data(), &total, sizeof total);
    return 1;
  }

 private:
  static constexpr size_t kParts = 16;
  struct alignas(64) Part {
    std::atomic<uint64_t> count{0};
  };

  [[nodiscard]] uint64_t sum_of_parts() const {
    uint64_t total = 0;
    for (const Part& part : parts_)
      total += part.count.load(std::memory_order_relaxed);
    return total;
  }

  std::array<Part, kParts> parts_;
};

}  // namespace

std::unique_ptr<Map> make_array_map(const MapDeclaration& declaration) {
  return std::make_unique<ArrayMap>(declaration);
}

std::unique_ptr<Map> make_single_counter(const MapDeclaration& declaration) {
  return std::make_unique<SingleCounter>(declaration);
}

}  // namespace perilune::script
