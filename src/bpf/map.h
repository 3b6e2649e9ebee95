// BPF maps: made, adopted, read and written from user space. Keys and values are raw bytes in the kernel's (this
// machine's) byte order, exactly key_size and value_size long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "ir/code.h"

namespace perilune::bpf {

/// What BPF_MAP_CREATE takes. `type` is a BPF_MAP_TYPE_ number, `flags` BPF_F_ bits.
struct MapShape {
  std::string name;  // the kernel keeps 15 bytes; what it does not allow in names becomes '_'
  uint32_t type = 0;
  uint32_t key_size = 0;
  uint32_t value_size = 0;
  uint32_t entries = 0;
  uint32_t flags = 0;
};

class Map {
 public:
  Map() = default;

  [[nodiscard]] static Result<Map> create(const MapShape& shape);
  /// A map that exists (a pin, an id): asks the kernel for its shape.
  [[nodiscard]] static Result<Map> adopt(FileDescriptor fd);

  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const MapShape& shape() const { return shape_; }
  [[nodiscard]] uint32_t id() const { return id_; }
  /// A second descriptor of the same map.
  [[nodiscard]] Result<Map> duplicate() const;

  /// False: there is no such key.
  [[nodiscard]] Result<bool> lookup(std::span<const uint8_t> key, std::span<uint8_t> value) const;
  /// `flags`: BPF_ANY, BPF_NOEXIST, BPF_EXIST.
  [[nodiscard]] Result<void> update(std::span<const uint8_t> key, std::span<const uint8_t> value,
                                    uint64_t flags = 0) const;
  /// False: there was no such key.
  [[nodiscard]] Result<bool> erase(std::span<const uint8_t> key) const;
  /// The key after `key` (empty: the first one); nothing at the end.
  [[nodiscard]] Result<std::optional<std::vector<uint8_t>>> next_key(std::span<const uint8_t> key) const;
  /// Many at once: one system call a few thousand entries where the kernel can do that for the map's type.
  [[nodiscard]] Result<void> update_all(std::span<const ir::MapSpec::Entry> entries) const;
  /// Every entry there is, while others may write.
  [[nodiscard]] Result<std::vector<ir::MapSpec::Entry>> entries() const;
  /// User space cannot write any more.
  [[nodiscard]] Result<void> freeze() const;
  /// Bytes of kernel memory, as the kernel accounts them.
  [[nodiscard]] uint64_t memory_bytes() const;

 private:
  FileDescriptor fd_;
  MapShape shape_;
  uint32_t id_ = 0;
};

/// The kernel map of a script's map.
[[nodiscard]] MapShape shape_of(const ir::MapSpec& spec);
/// Can a map of shape `existing` stand in for one of shape `wanted` (all but the name equal)?
[[nodiscard]] bool is_compatible(const MapShape& existing, const MapShape& wanted);

/// The value of an array map of one entry that was made with BPF_F_MMAPABLE, in our own address space.
class MappedValue {
 public:
  MappedValue() = default;
  MappedValue(MappedValue&& other) noexcept;
  MappedValue& operator=(MappedValue&& other) noexcept;
  MappedValue(const MappedValue&) = delete;
  MappedValue& operator=(const MappedValue&) = delete;
  ~MappedValue();

  [[nodiscard]] static Result<MappedValue> map(const Map& map, bool writable);
  [[nodiscard]] std::span<uint8_t> bytes() const { return {data_, size_}; }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;    // of the value
  size_t mapped_ = 0;  // whole pages
};

}  // namespace perilune::bpf
