// What the running kernel's own type information (BTF) says: ids of functions that programs may call, and where fields
// of its structures are.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

struct btf;

namespace perilune::bpf {

class KernelTypes {
 public:
  static constexpr const char* kPath = "/sys/kernel/btf/vmlinux";  // not there: the kernel has none
  /// Reads all of it: some milliseconds.
  [[nodiscard]] static Result<KernelTypes> read();

  [[nodiscard]] std::optional<uint32_t> function(const std::string& name) const;
  [[nodiscard]] std::optional<uint32_t> structure(const std::string& name) const;
  /// Byte offset of a member, also of unnamed structures within the structure.
  [[nodiscard]] std::optional<uint32_t> offset(const std::string& name, const std::string& member) const;

 private:
  struct Deleter {
    void operator()(btf* types) const;
  };
  std::unique_ptr<btf, Deleter> types_;
};

}  // namespace perilune::bpf
