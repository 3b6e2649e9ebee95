#include "hooks/capture/byte_source.h"

#include <algorithm>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace perilune::hooks {

namespace {

constexpr int kStopCheckMilliseconds = 100;

tl::unexpected<Error> file_error(std::string_view action, const std::string& name, int code, std::string hint = {}) {
  return input_error(fmt::format("cannot {} {}: {} ({})", action, name, strerror(code), strerrorname_np(code)),
                     std::move(hint));
}

}  // namespace

std::string capture_name(const std::string& path) {
  return path == "-" ? "standard input" : path;
}

Result<std::unique_ptr<FileSource>> FileSource::open(const std::string& path, const std::atomic<bool>* stop) {
  std::string name = capture_name(path);
  FileDescriptor fd(path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return file_error("open", name, errno);
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return file_error("look at", name, errno);
  if (S_ISDIR(status.st_mode)) {
    return input_error(fmt::format("{} is a directory", name), fmt::format("name the capture files: {}/*.pcap*", path));
  }
  const bool regular = S_ISREG(status.st_mode);
  // Advice only: a kernel that does not take it reads ahead less.
  if (regular) posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  const uint64_t size = regular ? static_cast<uint64_t>(status.st_size) : 0;
  return std::unique_ptr<FileSource>(new FileSource(std::move(name), std::move(fd), size, !regular, stop));
}

bool FileSource::wait() const {
  while (stop_ != nullptr) {
    if (stop_->load(std::memory_order_relaxed)) return false;
    pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    // Whatever else poll says (hang-up, error, interruption), read() or the next turn finds out.
    if (poll(&waiting, 1, kStopCheckMilliseconds) > 0) break;
  }
  return true;
}

Result<size_t> FileSource::read(std::span<uint8_t> room) {
  while (true) {
    if (may_wait_ && !wait()) return 0;
    const ssize_t count = ::read(fd_.get(), room.data(), room.size());
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR && errno != EAGAIN) return file_error("read", name_, errno);
    if (errno == EAGAIN && stop_ == nullptr) {
      // A non-blocking pipe from our parent: wait here instead of spinning.
      pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
      poll(&waiting, 1, -1);
    }
  }
}

Result<size_t> MemorySource::read(std::span<uint8_t> room) {
  const size_t count = std::min({room.size(), bytes_.size(), piece_});
  std::copy_n(bytes_.begin(), count, room.begin());
  bytes_ = bytes_.subspan(count);
  return count;
}

}  // namespace perilune::hooks
