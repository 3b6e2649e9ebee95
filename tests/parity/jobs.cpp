#include "jobs.h"

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace perilune::parity {
namespace {

/// Calls `done` for whatever can be told of now.
class InOrder {
 public:
  explicit InOrder(const std::function<void(uint64_t)>& done) : done_(done) {}

  void finished(uint64_t number) {
    const std::lock_guard lock(mutex_);
    finished_.insert(number);
    while (!finished_.empty() && *finished_.begin() == next_) {
      finished_.erase(finished_.begin());
      done_(next_++);
    }
  }

 private:
  const std::function<void(uint64_t)>& done_;
  std::mutex mutex_;
  std::set<uint64_t> finished_;  // not told of: one before them is not finished
  uint64_t next_ = 0;
};

}  // namespace

void in_parallel(unsigned jobs, uint64_t count, const std::function<void(unsigned job, uint64_t number)>& work,
                 const std::function<void(uint64_t number)>& done) {
  std::atomic<uint64_t> next{0};
  InOrder in_order(done);
  const auto run = [&](unsigned job) {
    for (uint64_t number = next++; number < count; number = next++) {
      work(job, number);
      in_order.finished(number);
    }
  };
  if (jobs <= 1) return run(0);
  std::vector<std::jthread> threads;
  for (unsigned job = 0; job < jobs; ++job)
    threads.emplace_back(run, job);
}

}  // namespace perilune::parity
