// Standard output for many short lines: one big buffer, write errors remembered, a reader that went away is no error.
#pragma once

#include <functional>
#include <iterator>
#include <optional>
#include <utility>

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

  /// A line is what is appended to the buffer, by print() or directly, until end_line().
  [[nodiscard]] fmt::memory_buffer& buffer() { return buffer_; }
  template <typename... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(buffer_), format, std::forward<Args>(args)...);
  }
  void end_line() {
    buffer_.push_back('\n');
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
