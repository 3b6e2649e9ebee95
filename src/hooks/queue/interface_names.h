// Names of network interfaces by index, asked of the kernel at most once a second each (names can change).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include <net/if.h>

namespace perilune::hooks::queue {

class InterfaceNames {
 public:
  /// Empty for 0 and for an interface that is gone. Valid until the next call for the same index.
  [[nodiscard]] std::string_view name(uint32_t index, uint64_t now_ns) {
    if (index == 0) return {};
    Entry& entry = entries_[index];
    if (entry.asked_ns == 0 || now_ns - entry.asked_ns > kFreshNs) {
      entry.asked_ns = now_ns;
      if (if_indextoname(index, entry.name.data()) == nullptr) entry.name[0] = '\0';
    }
    return entry.name.data();
  }

 private:
  static constexpr uint64_t kFreshNs = 1'000'000'000;
  struct Entry {
    uint64_t asked_ns = 0;
    std::array<char, IF_NAMESIZE> name{};
  };
  std::unordered_map<uint32_t, Entry> entries_;
};

}  // namespace perilune::hooks::queue
