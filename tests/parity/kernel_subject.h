// Scripts compiled and loaded into the running kernel, and run there by BPF_PROG_TEST_RUN: one packet a call, without
// an interface. The thread stays on one processor, whose slot of the program's memory tells what the hook's return code
// cannot.
#pragma once

#include <memory>
#include <string>

#include "bpf/hook.h"
#include "compiler/target.h"
#include "subject.h"

namespace perilune::parity {

class KernelConfiguration final : public Configuration {
 public:
  KernelConfiguration(std::string hook_name, Feed how, const bpf::Hook* hook, const Terms& terms);
  tl::expected<std::unique_ptr<Subject>, Diagnostics> open(const std::string& script) const override;
  std::string unavailable() const override;
  /// A test run takes only packets of some lengths.
  std::function<bool(const StoredPacket&)> cannot_show() const override;

 private:
  const bpf::Hook* hook_;
  compiler::Target target_;
  Terms terms_;
};

}  // namespace perilune::parity
