#include "script/state/budget.h"

#include <algorithm>
#include <ctime>

namespace perilune::script {
namespace {

constexpr int64_t kSlowQuantumNs = 10'000'000;  // a quantum that took longer makes the next one shorter,
constexpr int64_t kQuantumAimNs = 2'000'000;    // so that it takes about this long

int64_t nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Milliseconds are exact enough here, and the coarse clock costs a quarter of the exact one.
int64_t now_ns() {
  return nanoseconds(CLOCK_MONOTONIC_COARSE);
}

}  // namespace

void Budget::start(lua_State* L, lua_Hook hook, int extra_mask, uint64_t instructions, std::chrono::nanoseconds time) {
  hook_ = hook;
  extra_mask_ = extra_mask;
  running_ = true;
  spent_ = Spent::kNo;
  remaining_ = std::max<uint64_t>(instructions, 1);
  unchecked_ = 0;
  time_ns_ = time.count();
  started_ns_ = now_ns();
  looked_ns_ = started_ns_;
  processor_mark_ns_ = 0;
  set_quantum(L, std::min(kFirstQuantum, largest_quantum_));
}

void Budget::stop(lua_State* L) {
  running_ = false;
  lua_sethook(L, nullptr, 0, 0);
}

void Budget::set_quantum(lua_State* L, uint64_t quantum) {
  quantum_ = static_cast<uint32_t>(std::clamp<uint64_t>(quantum, 1, std::max<uint64_t>(remaining_, 1)));
  lua_sethook(L, hook_, LUA_MASKCOUNT | extra_mask_, static_cast<int>(quantum_));
}

void Budget::spend(lua_State* L, Spent what) {
  spent_ = what;
  remaining_ = 0;
  set_quantum(L, 1);
}

// The limit is meant as processor time: a process that was stopped, or had to wait for a processor, has not used it.
// Asking for processor time is a system call, so that begins only when the ordinary clock has passed a tenth of the
// limit.
int64_t Budget::used_ns(int64_t now) {
  if (now - started_ns_ < time_ns_ / 10) return now - started_ns_;
  const int64_t processor = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  if (processor_mark_ns_ == 0) processor_mark_ns_ = std::max<int64_t>(processor, 1);
  return time_ns_ / 10 + processor - processor_mark_ns_;
}

bool Budget::look_at_clock(int64_t now) {
  unchecked_ = 0;
  looked_ns_ = now;
  return used_ns(now) < time_ns_;
}

void Budget::note_block(lua_State* L, size_t bytes, bool is_string) {
  const size_t large = is_string ? kLargeString : kLargeTable;
  if (bytes <= large) return;
  const auto most = static_cast<uint32_t>(std::max<size_t>(kLargestQuantum * large / bytes, 1));
  if (most >= largest_quantum_) return;
  largest_quantum_ = most;
  if (!running_ || spent_ != Spent::kNo || quantum_ <= most) return;
  remaining_ -= std::min<uint64_t>(remaining_, quantum_);
  set_quantum(L, most);
}

bool Budget::allows_block(lua_State* L) {
  if (!running_) return true;
  if (spent_ == Spent::kTime) return false;
  const int64_t now = now_ns();
  const int64_t used = used_ns(now);
  if (used + 3 * std::min(now - looked_ns_, used) < time_ns_) return true;
  spend(L, Spent::kTime);
  return false;
}

void Budget::check_time(lua_State* L) {
  if (!running_) return;
  if (spent_ == Spent::kNo && !look_at_clock(now_ns())) spend(L, Spent::kTime);
  if (spent_ != Spent::kNo) raise(L);
}

void Budget::on_hook(lua_State* L) {
  if (spent_ != Spent::kNo) raise(L);
  if (quantum_ >= remaining_) {
    spend(L, Spent::kInstructions);
    raise(L);
  }
  remaining_ -= quantum_;
  const int64_t now = now_ns();
  const int64_t took = now - looked_ns_;
  if (!look_at_clock(now)) {
    spend(L, Spent::kTime);
    raise(L);
  }
  const uint64_t next = took > kSlowQuantumNs ? static_cast<uint64_t>(int64_t{quantum_} * kQuantumAimNs / took)
                                              : std::min<uint64_t>(uint64_t{quantum_} * 4, largest_quantum_);
  if (next != quantum_ || next > remaining_) set_quantum(L, next);
}

void Budget::charge_slowly(lua_State* L, uint64_t units) {
  if (spent_ == Spent::kNo) {
    if (units >= remaining_) {
      spend(L, Spent::kInstructions);
    } else {
      remaining_ -= units;
      if (!look_at_clock(now_ns())) spend(L, Spent::kTime);
    }
  }
  if (spent_ != Spent::kNo) raise(L);
}

void Budget::charge_later(lua_State* L, uint64_t units) {
  if (!running_ || spent_ != Spent::kNo) return;
  unchecked_ += units;
  if (units >= remaining_) {
    spend(L, Spent::kInstructions);
    return;
  }
  remaining_ -= units;
  if (unchecked_ < kUnitsPerTimeCheck) return;
  unchecked_ = 0;
  remaining_ -= std::min<uint64_t>(remaining_, quantum_);
  set_quantum(L, 1);  // the hook looks at the clock before the next instruction
}

void Budget::raise(lua_State* L) {
  lua_pushlightuserdata(L, this);
  lua_error(L);
  __builtin_unreachable();
}

}  // namespace perilune::script
