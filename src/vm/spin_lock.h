// A lock for a few instructions at a time: one byte, no system call unless it is fought over.
#pragma once

#include <atomic>

#include <sched.h>

namespace perilune::vm {

class SpinLock {
 public:
  void lock() {
    for (unsigned tries = 0; held_.test_and_set(std::memory_order_acquire);) {
      while (held_.test(std::memory_order_relaxed)) {
        if (++tries % kTriesBeforeYield == 0) sched_yield();  // the holder may have lost its processor
      }
    }
  }
  void unlock() { held_.clear(std::memory_order_release); }

 private:
  static constexpr unsigned kTriesBeforeYield = 1'000;
  std::atomic_flag held_;
};

class SpinGuard {
 public:
  explicit SpinGuard(SpinLock& lock) : lock_(&lock) { lock_->lock(); }
  ~SpinGuard() { lock_->unlock(); }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  SpinLock* lock_;
};

}  // namespace perilune::vm
