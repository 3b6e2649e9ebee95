// Does this kernel take the processor away from a task that is running kernel code?
//
// If it does, the scheduler may stop a process within a netfilter program that judges a packet it sends, and run
// another process on the same processor, whose packet then enters the same program. So as many packets can be in the
// program at once, on one processor, as there are processes that send. If it does not, a packet that is sent is
// interrupted only by packets that arrive. Programs of the other hooks run with softirqs disabled, so no other packet
// interrupts them.
#pragma once

#include <string_view>

namespace perilune::bpf {

/// What tells it, as text; empty: it cannot be read here.
struct PreemptionSigns {
  std::string_view debugfs;       // /sys/kernel/debug/sched/preempt: "none voluntary (full)"
  std::string_view command_line;  // /proc/cmdline: "... preempt=full ..."
  std::string_view build;         // /boot/config-RELEASE: "CONFIG_PREEMPT_NONE=y\n..."
};

/// The surest sign decides; without any: true, since too much memory is better than packets that are judged by
/// on-error.
[[nodiscard]] bool preempts_kernel_code(const PreemptionSigns& signs);

/// Of the running kernel.
[[nodiscard]] bool preempts_kernel_code();

}  // namespace perilune::bpf
