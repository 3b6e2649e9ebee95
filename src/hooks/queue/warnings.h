// Warnings given once for each kind, from any thread.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "hooks/queue.h"

namespace perilune::hooks::queue {

class Warnings {
 public:
  explicit Warnings(QueueObserver& observer) : observer_(observer) {}

  void once(const std::string& text) {
    {
      const std::lock_guard lock(mutex_);
      if (!given_.insert(text).second) return;
    }
    observer_.on_warning(text);
  }

 private:
  QueueObserver& observer_;
  std::mutex mutex_;
  std::set<std::string> given_;
};

}  // namespace perilune::hooks::queue
