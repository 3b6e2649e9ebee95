// Pages of our own: zeros at first, taken from the system as they are touched, given back at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/result.h"

namespace perilune::vm {

class MappedMemory {
 public:
  enum class Access : uint8_t { kRead, kReadWrite, kExecute };

  MappedMemory() = default;
  /// `size` bytes, rounded up to whole pages, readable and writable, between two pages that cannot be touched.
  /// `purpose` goes into the error's text ("allocate PURPOSE").
  [[nodiscard]] static Result<MappedMemory> allocate(size_t size, const std::string& purpose);
  MappedMemory(MappedMemory&& other) noexcept
      : start_(std::exchange(other.start_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedMemory& operator=(MappedMemory&& other) noexcept;
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;
  ~MappedMemory() { release(); }

  [[nodiscard]] uint8_t* data() const { return start_; }
  [[nodiscard]] size_t size() const { return size_; }
  /// From now on only so: never writable and executable at the same time.
  [[nodiscard]] Result<void> protect(Access access);

 private:
  MappedMemory(uint8_t* start, size_t size) : start_(start), size_(size) {}
  void release();

  uint8_t* start_ = nullptr;
  size_t size_ = 0;
};

}  // namespace perilune::vm
