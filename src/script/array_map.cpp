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
#include "script/map_kinds.h"

namespace perilune::script {
namespace {

class ArrayMap final : public Map {
 public:
  explicit ArrayMap(const MapDeclaration& declaration)
      : Map(declaration), value_size_(declaration.value.size()), values_(size_t{declaration.size} * value_size_) {}

  bool get(const uint8_t* key, uint8_t* value, uint64_t /*now_ns*/) override {
    const auto index = read_host<uint32_t>(key);
    const std::lock_guard lock(mutex_of(index));
    std::copy_n(at(index), value_size_, value);
    return true;
  }

  Outcome set(const uint8_t* key, const uint8_t* value, uint64_t /*now_ns*/) override {
    const auto index = read_host<uint32_t>(key);
    const std::lock_guard lock(mutex_of(index));
    std::copy_n(value, value_size_, at(index));
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
    std::fill_n(at(index), value_size_, uint8_t{0});
  }

  uint64_t count(uint64_t /*now_ns*/) override { return declaration().size; }

  std::vector<Entry> entries(uint64_t /*now_ns*/) override {
    std::vector<Entry> result;
    for (uint32_t index = 0; index < declaration().size; ++index) {
      const std::lock_guard lock(mutex_of(index));
      const uint8_t* value = at(index);
      if (std::all_of(value, value + value_size_, [](uint8_t byte) { return byte == 0; })) continue;
      std::vector<uint8_t> key(sizeof index);
      std::memcpy(key.data(), &index, sizeof index);
      result.push_back({std::move(key), {value, value + value_size_}});
    }
    return result;
  }

  std::string key_text(std::span<const uint8_t> key) const override {
    return fmt::format("{}", read_host<uint32_t>(key.data()));
  }

 private:
  static constexpr size_t kLocks = 16;

  [[nodiscard]] uint8_t* at(uint32_t index) { return values_.data() + size_t{index} * value_size_; }
  [[nodiscard]] std::mutex& mutex_of(uint32_t index) { return mutexes_[index % kLocks]; }

  size_t value_size_;
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

  std::vector<Entry> entries(uint64_t /*now_ns*/) override {
    const uint64_t total = sum_of_parts();
    std::vector<uint8_t> value(sizeof total);
    std::memcpy(value.data(), &total, sizeof total);
    return {{{}, std::move(value)}};
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
