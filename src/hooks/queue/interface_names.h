// Names of network interfaces by index, asked of the kernel once and again after any change of an interface.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>
#include <unordered_map>

#include <net/if.h>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace perilune::hooks::queue {

/// Counts the changes of interfaces that the kernel reports (rtnetlink), on a thread of its own: code that keeps names
/// compares a number instead of asking.
class InterfaceChanges {
 public:
  /// Opens the socket, in this thread's network namespace.
  [[nodiscard]] static Result<std::unique_ptr<InterfaceChanges>> open();
  /// Starts the thread.
  [[nodiscard]] Result<void> start();
  ~InterfaceChanges();
  InterfaceChanges(const InterfaceChanges&) = delete;
  InterfaceChanges& operator=(const InterfaceChanges&) = delete;

  [[nodiscard]] uint64_t count() const { return count_.load(std::memory_order_acquire); }
  /// A socket to ask for names through, from any thread.
  [[nodiscard]] int socket() const { return questions_.get(); }

 private:
  InterfaceChanges() = default;
  void listen();

  FileDescriptor socket_;
  FileDescriptor questions_;
  FileDescriptor end_;  // an eventfd
  std::atomic<uint64_t> count_ = 1;
  std::thread thread_;
};

/// For one thread. `changes` must outlive it.
class InterfaceNames {
 public:
  explicit InterfaceNames(const InterfaceChanges& changes) : changes_(changes) {}

  /// Empty for 0 and for an interface that is gone. Valid until the next call for the same index. Throws
  /// std::system_error when the kernel cannot tell: a packet must not be judged as one without an interface.
  [[nodiscard]] std::string_view name(uint32_t index) {
    if (index == 0) return {};
    const uint64_t now = changes_.count();
    Entry& entry = entries_[index];
    if (entry.asked_at != now) {
      ask(index, entry.name);
      entry.asked_at = now;
    }
    return entry.name.data();
  }

 private:
  using Name = std::array<char, IF_NAMESIZE>;
  struct Entry {
    uint64_t asked_at = 0;
    Name name{};
  };
  void ask(uint32_t index, Name& name) const;

  const InterfaceChanges& changes_;
  std::unordered_map<uint32_t, Entry> entries_;
};

}  // namespace perilune::hooks::queue
