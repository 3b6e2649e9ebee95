// The embedded objects, byte for byte as clang wrote them.
#pragma once

#include <cstdint>
#include <span>

namespace perilune::bpf {

[[nodiscard]] std::span<const uint8_t> embedded_xdp();
[[nodiscard]] std::span<const uint8_t> embedded_tc();
[[nodiscard]] std::span<const uint8_t> embedded_netfilter();

}  // namespace perilune::bpf
