// What this kernel can do, found out by trying it with programs of a few instructions, never from its version: version
// numbers lie on the kernels of distributions. A plain value, so that tests forge what they like.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace perilune::bpf {

class Hook;

struct Features {
  // Attaching.
  std::vector<const Hook*> hooks;  // those whose programs and links it knows
  bool xdp_fragments = false;      // packets in several pieces (jumbo frames)
  bool clsact = false;             // the classifier way to tc
  bool chains = false;             // tables of programs to jump through
  // What programs may use.
  bool ring_buffer = false;
  bool xdp_load_bytes = false;
  bool bounded_loops = false;
  bool bpf_loop = false;
  bool may_goto = false;
  bool packet_views = false;  // dynptrs on packets
  bool lpm_maps = false;
  bool mapped_arrays = false;  // user space sees counters without asking
  // What user space may ask.
  bool run_statistics = false;  // ns per packet
  bool verifier_numbers = false;
  bool jit = false;  // programs become machine code
  // This process.
  bool permitted = false;  // it may load programs at all
  int refusal = 0;         // else: the errno of bpf(2)

  [[nodiscard]] bool has(const Hook& hook) const;
};

/// Tries everything; takes a few milliseconds. An answer that says nothing about the kernel, such as "no free file
/// descriptor", is an error, never a missing feature. Features named in the environment variable PERILUNE_WITHOUT
/// (separated by commas, names as in feature_list()) count as missing, so that fall-backs can be tried on a newer
/// kernel.
[[nodiscard]] Result<Features> probe_features();

struct FeatureName {
  std::string_view name;   // stable, for JSON and PERILUNE_WITHOUT
  std::string_view what;   // for people
  std::string_view since;  // the first kernel of kernel.org with it: a hint for people, nothing is decided by it
  bool Features::*member = nullptr;  // or:
  const Hook* hook = nullptr;
};
/// What each hook needs, and what programs need.
[[nodiscard]] std::span<const FeatureName> feature_list();
[[nodiscard]] bool is_there(const Features& features, const FeatureName& feature);
void set(Features& features, const FeatureName& feature, bool there);

/// Why, where features.permitted is false.
[[nodiscard]] Error not_permitted(const Features& features);

}  // namespace perilune::bpf
