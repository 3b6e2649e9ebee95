// Domain names as people write them, and as they stand in packets.
#pragma once

#include <cstddef>
#include <cstdint>

namespace perilune::luadata {

inline constexpr size_t kDnsNameSize = 255;  // bytes at most in a packet (RFC 1035, 2.3.4)

enum class DnsNameProblem : uint8_t { kNone, kEmptyLabel, kLongLabel, kLongName };

struct DnsName {
  size_t size = 0;  // bytes written
  DnsNameProblem problem = DnsNameProblem::kNone;
};

/// "www.Example.com", with or without a dot at its end, becomes a byte of length before each label and a zero at the
/// end (RFC 1035, 3.1), letters in lower case. "" and "." are the root. Other bytes are taken as they are.
[[nodiscard]] DnsName dns_name_from_text(const char* text, size_t length, uint8_t (&wire)[kDnsNameSize]);

/// What is wrong with it, to follow the name in a message.
[[nodiscard]] const char* describe(DnsNameProblem problem);

}  // namespace perilune::luadata
