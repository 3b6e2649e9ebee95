// Standard output for many short lines: one big buffer, write errors remembered, a reader that went away is no error.
#pragma once

#include <functional>
#include <optional>

#include <fmt/format.h>

#include "base/result.h"

namespace perilune::cli {

class Output {
 public:
  /// Does not own `fd`. `before_write` is called before bytes reach it (to take a progress line off the terminal).
  explicit Output(int fd, std::function<void()> before_write = {});
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// Append lines here, then call line_done().
  [[nodiscard]] fmt::memory_buffer& buffer() { return buffer_; }
  void line_done() {
    if (flush_each_line_ || buffer_.size() >= kBufferSize) flush();
  }
  /// Live output: people and pipes see each line at once.
  void flush_each_line(bool on) { flush_each_line_ = on; }
  void flush();

  /// Nothing written from now on can reach anybody.
  [[nodiscard]] bool broken() const { return reader_gone_ || error_.has_value(); }
  /// The reader closed the pipe (`| head`).
  [[nodiscard]] bool reader_gone() const { return reader_gone_; }
  /// Why writing failed otherwise, such as a full disk.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  static constexpr size_t kBufferSize = size_t{64} << 10;
  int fd_;
  std::function<void()> before_write_;
  fmt::memory_buffer buffer_;
  bool flush_each_line_ = false;
  bool reader_gone_ = false;
  std::optional<Error> error_;
};

}  // namespace perilune::cli
