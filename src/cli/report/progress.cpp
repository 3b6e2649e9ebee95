#include "cli/report/progress.h"

#include <cmath>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/stream.h"
#include "cli/units.h"

namespace perilune::cli {

Progress::Progress()
    : on_(::isatty(STDERR_FILENO) == 1), start_(Clock::now()), next_(start_ + std::chrono::seconds(1)) {}

void Progress::show(uint64_t bytes_done, uint64_t bytes_total, uint64_t packets) {
  if (!on_) return;
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const auto rate = static_cast<uint64_t>(static_cast<double>(packets) / seconds);
  std::string text = bytes_for_people(bytes_done);
  if (bytes_total != 0) {
    text += fmt::format(" of {} ({}%)", bytes_for_people(bytes_total), bytes_done * 100 / bytes_total);
  }
  text += fmt::format(", {} packets, {} packets/s", grouped(packets), grouped(rate));
  if (bytes_total > bytes_done && bytes_done != 0) {
    const double left = seconds * static_cast<double>(bytes_total - bytes_done) / static_cast<double>(bytes_done);
    const auto whole = static_cast<uint64_t>(std::lround(left));
    text += fmt::format(", {}:{:02} left", whole / 60, whole % 60);
  }
  print_to(stderr, "\r\x1b[K{}", text);
  visible_ = true;
}

void Progress::erase() {
  if (!visible_) return;
  std::fputs("\r\x1b[K", stderr);  // a destructor calls this: nothing here throws
  visible_ = false;
}

}  // namespace perilune::cli
