// Standard output for many short lines: one big buffer, write errors remembered, a reader that went away is no error.
//
// Two ways to meet a failure. Normally writing ends with it, and a run over captures stops. A firewall must judge
// on whatever becomes of its output: after drop_what_cannot_be_written() each line is tried by itself, one that cannot
// be written (a full disk, a pipe that is not emptied, a terminal that went away) is dropped and counted, and the next
// one is tried again. No line is torn: the rest of one that was begun comes before anything else.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/file_descriptor.h"
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
  /// See above. A write waits at most kPatience for room, and not at all once that was in vain, until there is room
  /// again. To be called before the first line.
  void drop_what_cannot_be_written();
  /// Lines that were dropped, and why the first one was.
  [[nodiscard]] uint64_t lost_lines() const { return lost_lines_; }
  [[nodiscard]] const std::optional<Error>& loss() const { return loss_; }

  /// Nothing written from now on can reach anybody.
  [[nodiscard]] bool broken() const { return reader_gone_ || error_.has_value(); }
  /// Why writing failed otherwise, such as a full disk.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  static constexpr size_t kBufferSize = size_t{64} << 10;
  static constexpr std::chrono::milliseconds kPatience{1000};

  void flush_or_drop();
  /// Writes from the front of `text`, which becomes what is left; 0, or the errno of what went wrong (EAGAIN: no room).
  [[nodiscard]] int write_some(std::string_view& text);

  int fd_;
  bool dropping_ = false;
  FileDescriptor own_;   // the same pipe or terminal, but never waiting; empty: there is none
  bool socket_ = false;  // standard output is one
  bool patient_ = true;  // the last line had room
  std::string begun_;    // the rest of a line that was written in part
  uint64_t lost_lines_ = 0;
  std::optional<Error> loss_;
  std::function<void()> before_write_;
  fmt::memory_buffer buffer_;
  bool flush_each_line_ = false;
  bool reader_gone_ = false;
  std::optional<Error> error_;
};

}  // namespace perilune::cli
