// Does this kernel take the processor away from a task that is running kernel code?
//
// Then a process that sends a packet can be interrupted within a netfilter program by another process that sends one on
// the same processor, and so on: as many packets are under way in the program as there are busy senders. Without it
// only packets that arrive interrupt one that is sent. Programs of other hooks run with softirqs off: nobody interrupts
// them.
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
