// Array maps: the key is a u32 index in the machine's byte order; every entry is always there, zeros at first.
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "vm/map_kinds.h"
#include "vm/mapped_memory.h"

namespace perilune::vm {
namespace {

class ArrayMap final : public Map {
 public:
  ArrayMap(const ir::MapSpec& spec, size_t stride, MappedMemory memory)
      : Map(spec.key_size, spec.value_size, spec.entries), stride_(stride), memory_(std::move(memory)) {}

  uint8_t* lookup(const uint8_t* key) override {
    const uint32_t index = index_of(key);
    return index < entries() ? value(index) : nullptr;
  }

  int update(const uint8_t* key, const uint8_t* value, uint64_t flags) override {
    if (flags > kExist) return -EINVAL;
    const uint32_t index = index_of(key);
    if (index >= entries()) return -E2BIG;
    if (flags == kNoExist) return -EEXIST;
    uint8_t* stored = this->value(index);
    size_t i = 0;
    for (; i + 8 <= value_size(); i += 8) {
      uint64_t word;
      std::memcpy(&word, value + i, sizeof word);
      std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(stored + i)).store(word, std::memory_order_relaxed);
    }
    std::memcpy(stored + i, value + i, value_size() - i);
    return 0;
  }

  int erase(const uint8_t* /*key*/) override { return -EINVAL; }

  uint64_t count() const override { return entries(); }

  void for_each(const Visitor& visit) override {
    for (uint32_t index = 0; index < entries(); ++index)
      visit(reinterpret_cast<const uint8_t*>(&index), value(index));
  }

  bool holds(uint64_t address, size_t size) const override {
    const uint64_t offset = address - reinterpret_cast<uint64_t>(memory_.data());
    if (offset >= stride_ * entries()) return false;
    return size <= value_size() && offset % stride_ <= value_size() - size;
  }

 private:
  static uint32_t index_of(const uint8_t* key) {
    uint32_t index;
    std::memcpy(&index, key, sizeof index);
    return index;
  }
  [[nodiscard]] uint8_t* value(uint32_t index) const { return memory_.data() + stride_ * index; }

  size_t stride_;
  MappedMemory memory_;
};

}  // namespace

Result<std::unique_ptr<Map>> make_array_map(const ir::MapSpec& spec) {
  const size_t stride = (size_t{spec.value_size} + 7) / 8 * 8;
  auto memory = MappedMemory::allocate(stride * spec.entries, "the entries of a map");
  if (!memory) return tl::make_unexpected(std::move(memory.error()));
  return std::make_unique<ArrayMap>(spec, stride, std::move(*memory));
}

}  // namespace perilune::vm
