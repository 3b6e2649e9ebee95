#include "cli/report/output.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
  if (dropping_) return flush_or_drop();
  if (!broken() && before_write_) before_write_();
  const char* next = buffer_.data();
  size_t left = buffer_.size();
  while (left != 0 && !broken()) {
    const ssize_t written = ::write(fd_, next, left);
    if (written >= 0) {
      next += written;
      left -= static_cast<size_t>(written);
    } else if (errno == EAGAIN) {
      // The pipe was made non-blocking by another process that shares it: wait for room.
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

void Output::drop_what_cannot_be_written() {
  dropping_ = true;
  flush_each_line_ = true;
  struct stat what {};
  if (::fstat(fd_, &what) != 0) return;
  socket_ = S_ISSOCK(what.st_mode);
  // O_NONBLOCK belongs to the open file, which others share: it is set on one of our own.
  if (S_ISFIFO(what.st_mode) || ::isatty(fd_) == 1) {
    const std::string self = fmt::format("/proc/self/fd/{}", fd_);
    own_ = FileDescriptor(::open(self.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  }
}

int Output::write_some(std::string_view& text) {
  // Where the descriptor is not our own, a pipe that poll() finds writable has room for this much.
  constexpr size_t kAtOnce = 4096;
  const int fd = own_ ? own_.get() : fd_;
  while (!text.empty()) {
    pollfd waiting{fd, POLLOUT, 0};
    const int ready = ::poll(&waiting, 1, patient_ ? static_cast<int>(kPatience.count()) : 0);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return errno;
    if (ready == 0) return EAGAIN;
    const size_t size = std::min(text.size(), kAtOnce);
    const ssize_t written =
        socket_ ? ::send(fd, text.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL) : ::write(fd, text.data(), size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<size_t>(written));
    patient_ = true;
  }
  return 0;
}

void Output::flush_or_drop() {
  if (before_write_) before_write_();
  std::string_view rest = begun_;
  int code = write_some(rest);
  begun_.erase(0, begun_.size() - rest.size());
  if (code == 0) {
    const std::string_view line(buffer_.data(), buffer_.size());
    rest = line;
    code = write_some(rest);
    if (code != 0 && rest.size() != line.size()) {
      begun_ = rest;
      code = code == EPIPE ? code : 0;
    }
  }
  buffer_.clear();
  if (code == 0) return;
  ++lost_lines_;
  patient_ = false;
  if (code == EPIPE) {
    reader_gone_ = true;
  } else if (!loss_) {
    loss_ = code == EAGAIN ? system_error("what is written to standard output is not read").value()
                           : errno_error("write to standard output", code).value();
  }
}

}  // namespace perilune::cli
