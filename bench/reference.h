// A filter of bench/reference, loaded into the kernel by libbpf.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "bpf/hook.h"

struct bpf_object;

namespace perilune::bench {

class Reference {
 public:
  /// `name`: of the file, without ".bpf.c". `rate`, when not 0: instead of rate_limit's 20 packets per second.
  [[nodiscard]] static Result<Reference> load(const std::string& name, const bpf::Hook* hook, uint64_t rate = 0);

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] uint32_t verified_insns() const { return verified_insns_; }
  [[nodiscard]] uint32_t xlated_bytes() const { return xlated_bytes_; }
  [[nodiscard]] uint32_t jited_bytes() const { return jited_bytes_; }

 private:
  struct Close {
    void operator()(bpf_object* object) const;
  };
  std::unique_ptr<bpf_object, Close> object_;
  int fd_ = -1;
  uint32_t verified_insns_ = 0;
  uint32_t xlated_bytes_ = 0;
  uint32_t jited_bytes_ = 0;
};

}  // namespace perilune::bench
