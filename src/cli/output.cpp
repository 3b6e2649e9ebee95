#include "cli/output.h"

#include <cerrno>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace perilune::cli {

Output::Output(int fd, std::function<void()> before_write) : fd_(fd), before_write_(std::move(before_write)) {
  buffer_.reserve(kBufferSize + 4096);
}

Output::~Output() {
  flush();
}

void Output::flush() {
  if (buffer_.size() == 0) return;
  if (!broken() && before_write_) before_write_();
  const char* next = buffer_.data();
  size_t left = buffer_.size();
  while (left != 0 && !broken()) {
    const ssize_t written = ::write(fd_, next, left);
    if (written >= 0) {
      next += written;
      left -= static_cast<size_t>(written);
    } else if (errno == EAGAIN) {
      // Somebody set the pipe non-blocking (it is shared with whoever holds the other copies): wait for room.
      pollfd waiting{fd_, POLLOUT, 0};
      (void)::poll(&waiting, 1, -1);
    } else if (errno == EPIPE) {
      reader_gone_ = true;
    } else if (errno != EINTR) {
      error_ = errno_error("write to standard output", errno).value();
    }
  }
  buffer_.clear();
}

}  // namespace perilune::cli
