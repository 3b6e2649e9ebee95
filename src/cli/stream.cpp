#include "cli/stream.h"

#include <atomic>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/terminal.h"

namespace perilune::cli {
namespace {

std::atomic<int> output_errno{0};  // of the first failure of standard output

void note_failure(const std::FILE* stream, int code) {
  int none = 0;
  if (stream == stdout) output_errno.compare_exchange_strong(none, code);
}

}  // namespace

void open_missing_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // open() gives the lowest free number, which is `fd`. A folder can neither be read nor written.
    const int opened = fd == STDERR_FILENO ? ::open("/dev/null", O_RDWR | O_NOCTTY) : -1;
    if (opened < 0) (void)::open("/", O_RDONLY | O_DIRECTORY);
  }
}

void write_to(std::FILE* stream, std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stream) != text.size()) note_failure(stream, errno);
}

bool flush(std::FILE* stream) {
  if (std::fflush(stream) == 0) return true;
  note_failure(stream, errno);
  return false;
}

int finish_streams(int status) {
  (void)flush(stdout);
  const int code = output_errno.load();
  if (code == 0 || code == EPIPE) return status;
  const int failed = print_error(errno_error("write to standard output", code).value());
  return status == kDone ? failed : status;
}

}  // namespace perilune::cli
