// A window on a stream of bytes: what is asked for lies in one piece, and nothing is copied on the way out.
//
// One large read() fills the buffer; packets are handed out as pointers into it. Only the bytes of a record that
// straddles the end of a fill are moved (to the front, before the next read), so the cost is one copy by the kernel and
// less than one record a fill by us. Memory is the buffer: it grows to the largest piece ever asked for, and no
// further.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "hooks/capture/byte_source.h"

namespace perilune::hooks {

class InputBuffer {
 public:
  explicit InputBuffer(std::unique_ptr<ByteSource> source);

  /// The next `count` bytes in one piece, or null when the stream ends or fails before them (see available(), error()).
  /// Valid until the next peek() or skip(). The caller limits `count`.
  [[nodiscard]] const uint8_t* peek(size_t count) {
    return end_ - begin_ >= count ? bytes_.get() + begin_ : fill(count);
  }
  /// Steps over bytes that peek() has shown; they stay where they are until the next peek() or skip().
  void consume(size_t count) {
    begin_ += count;
    position_ += count;
  }
  /// Steps over bytes without keeping them, however many. False: the stream ended or failed before.
  [[nodiscard]] bool skip(uint64_t count);

  /// Bytes from the start of the stream to the next one.
  [[nodiscard]] uint64_t position() const { return position_; }
  /// How many bytes are at hand: after a failed peek(), all there is.
  [[nodiscard]] size_t available() const { return end_ - begin_; }
  /// What made reading fail, if it was not simply the end.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  [[nodiscard]] const uint8_t* fill(size_t count);

  std::unique_ptr<ByteSource> source_;
  std::unique_ptr<uint8_t[]> bytes_;
  size_t capacity_;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t position_ = 0;
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace perilune::hooks
