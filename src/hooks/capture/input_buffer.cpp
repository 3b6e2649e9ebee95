#include "hooks/capture/input_buffer.h"

#include <algorithm>
#include <cstring>

namespace perilune::hooks {

namespace {
// Fits the second-level cache of today's processors, so a packet is still there when it is judged.
constexpr size_t kInitialCapacity = 262144;
}  // namespace

InputBuffer::InputBuffer(std::unique_ptr<ByteSource> source)
    : source_(std::move(source)),
      bytes_(std::make_unique_for_overwrite<uint8_t[]>(kInitialCapacity)),
      capacity_(kInitialCapacity) {}

const uint8_t* InputBuffer::fill(size_t count) {
  const size_t kept = end_ - begin_;
  if (count > capacity_) {
    const size_t capacity = std::max(count, 2 * capacity_);
    auto larger = std::make_unique_for_overwrite<uint8_t[]>(capacity);
    std::memcpy(larger.get(), bytes_.get() + begin_, kept);
    bytes_ = std::move(larger);
    capacity_ = capacity;
  } else if (begin_ != 0) {
    std::memmove(bytes_.get(), bytes_.get() + begin_, kept);
  }
  begin_ = 0;
  end_ = kept;
  while (end_ < count) {
    if (ended_) return nullptr;
    Result<size_t> got = source_->read({bytes_.get() + end_, capacity_ - end_});
    if (!got) {
      error_ = std::move(got.error());
      ended_ = true;
    } else if (*got == 0) {
      ended_ = true;
    } else {
      end_ += *got;
    }
  }
  return bytes_.get();
}

bool InputBuffer::skip(uint64_t count) {
  while (count > 0) {
    if (peek(1) == nullptr) return false;
    const size_t step = std::min<uint64_t>(count, available());
    consume(step);
    count -= step;
  }
  return true;
}

}  // namespace perilune::hooks
