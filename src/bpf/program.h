// A compiled filter as a program in the kernel: an Image and a hook's runtime (src/bpf/runtime) joined, their maps made
// and filled, and the whole loaded. Not attached to anything yet.
//
// Maps of a program, by the names the kernel shows:
//   memory   array, 1 x the slots of memory_layout.h   header fields, counters, script variables per CPU
//   tables   array, 1 x Image::tables, frozen          only when there are any
//   events   ring buffer of 1 MiB                      struct pl_event records
//   and one for each map the script declared.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "bpf/map.h"
#include "event/slot.h"
#include "ir/code.h"
#include "packet/policy.h"

namespace perilune::bpf {

class Hook;

/// A map of the program before this one, or of the same filter at another hook.
struct ReusableMap {
  const Map* map = nullptr;   // borrowed
  std::string_view name;      // the whole one; the kernel keeps its beginning
  std::string_view declared;  // as ir::MapSpec::declared
};

struct ProgramOptions {
  const Hook* hook = nullptr;   // whose runtime is joined; needed
  bool outgoing = false;        // packets that leave, where the hook has both
  std::string name = "filter";  // the kernel keeps 15 bytes
  packet::Policy policy;
  uint64_t fuel_limit = 1'000'000;  // instructions of the script for one packet
  // Answers to rejected packets, at most so many a second by a processor: to one sender, and in all.
  uint32_t answers_for_each = 20;
  uint32_t answers_in_all = 1000;
  bool answers_for_others = false;  // also to frames that were addressed to other stations: for test runs
  bool report = false;              // blocked packets go to `events` with their first bytes
  uint32_t link_type = 1;           // how frames begin at xdp and tc: 1 Ethernet, 101 raw IP (LINKTYPE_ values)
  // Of a chain of filters at one hook (a BPF_MAP_TYPE_PROG_ARRAY): where a packet goes that this filter lets pass.
  // Borrowed; -1: nowhere, pass means pass.
  int chain_fd = -1;
  uint32_t next_in_chain = 0;
  // Reload: maps of the program before this one. One that is declared alike is used again with its contents; another is
  // made anew.
  std::span<const ReusableMap> reuse;
};

struct LoadedProgram {
  FileDescriptor program;
  Map memory;
  Map tables;  // false when there are none
  Map events;
  std::vector<Map> maps;     // as Image::maps
  std::vector<bool> reused;  // for each of `maps`: taken from ProgramOptions::reuse
  const Hook* hook = nullptr;
  uint32_t id = 0;
  uint32_t slots = 0;
  uint32_t insns = 0;           // handed to the kernel
  uint32_t verified_insns = 0;  // that the verifier looked at; 0: the kernel does not tell
  uint32_t xlated_bytes = 0;
  uint32_t jited_bytes = 0;
  uint64_t memory_bytes = 0;  // program and maps as the kernel accounts them
  std::chrono::nanoseconds load_time{};
};

/// Makes the maps and loads the program. A verifier's rejection is a Fault::kSystem error whose message names the Lua
/// line when it is known; the whole log is in `verifier_log` when that is given. A missing capability is named.
[[nodiscard]] Result<LoadedProgram> load(const ir::Image& image, const ProgramOptions& options,
                                         std::string* verifier_log = nullptr);

struct TestRunOptions {
  uint32_t repeat = 1;
  uint32_t ifindex = 0;  // tc: skb->ifindex; 0: the loopback's
  uint32_t mark = 0;     // tc
};
struct TestRunResult {
  uint32_t code = 0;           // the hook's: XDP_PASS...
  uint32_t nanoseconds = 0;    // a run, averaged over `repeat`
  uint32_t mark = 0;           // tc: afterwards
  std::vector<uint8_t> bytes;  // the packet afterwards
};
/// BPF_PROG_TEST_RUN. `packet` begins with the Ethernet header at every hook, netfilter included (which then sees the
/// IP packet alone). The kernel wants at least 14 bytes, at tc and netfilter also a whole IP header.
[[nodiscard]] Result<TestRunResult> test_run(int program_fd, const Hook& hook, std::span<const uint8_t> packet,
                                             const TestRunOptions& options = {});

}  // namespace perilune::bpf
