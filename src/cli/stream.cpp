#include "cli/stream.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/report/output.h"
#include "cli/terminal.h"

namespace perilune::cli {
namespace {

std::atomic<int> output_errno{0};  // of the first failure of standard output
bool input_is_closed = false;      // standard input was, when the program started

std::vector<std::string>& changes() {
  static std::vector<std::string> list;
  return list;
}

struct DroppingErrors {
  std::mutex mutex;  // any thread may have something to say
  Output output{STDERR_FILENO};
};
std::unique_ptr<DroppingErrors> dropping_errors;

void note_failure(const std::FILE* stream, int code) {
  int none = 0;
  if (stream == stdout) output_errno.compare_exchange_strong(none, code);
}

}  // namespace

void drop_errors_that_cannot_be_written() {
  dropping_errors = std::make_unique<DroppingErrors>();
  dropping_errors->output.drop_what_cannot_be_written();
}

uint64_t lost_error_lines() {
  if (!dropping_errors) return 0;
  const std::lock_guard lock(dropping_errors->mutex);
  return dropping_errors->output.lost_lines();
}

void open_missing_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // open() gives the lowest free number, which is `fd`. Without /dev/null a folder keeps it, which can neither be
    // read nor written.
    if (fd == STDIN_FILENO) input_is_closed = true;
    const int opened = ::open("/dev/null", (fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) | O_NOCTTY);
    if (opened < 0) (void)::open("/", O_RDONLY | O_DIRECTORY);
  }
}

bool standard_input_is_closed() {
  return input_is_closed;
}

void note_change(std::string what) {
  changes().push_back(std::move(what));
}

void write_to(std::FILE* stream, std::string_view text) {
  if (stream == stderr && dropping_errors) {
    const std::lock_guard lock(dropping_errors->mutex);
    dropping_errors->output.buffer().append(text.data(), text.data() + text.size());
    dropping_errors->output.flush();
    return;
  }
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
  for (const std::string& change : changes()) {
    print_to(stderr, "perilune: {}; but standard output cannot be written: {} ({})\n", printable(change),
             strerror(code), strerrorname_np(code));
  }
  if (!changes().empty()) return status;
  const int failed = print_error(errno_error("write to standard output", code).value());
  return status == kDone ? failed : status;
}

}  // namespace perilune::cli
