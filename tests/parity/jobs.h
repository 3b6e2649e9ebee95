// Independent pieces of work on several threads, told of in the order of their numbers.
#pragma once

#include <cstdint>
#include <functional>

namespace perilune::parity {

/// Calls `work(job, number)` once for each number below `count`, on `jobs` threads (one: on the caller's); a job's
/// calls follow each other on one thread. `done(number)` is called in the order of the numbers, as soon as all before
/// it are done, by one thread at a time.
void in_parallel(unsigned jobs, uint64_t count, const std::function<void(unsigned job, uint64_t number)>& work,
                 const std::function<void(uint64_t number)>& done);

}  // namespace perilune::parity
