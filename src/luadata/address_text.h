// Network addresses as people write them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace perilune::luadata {

inline constexpr size_t kAddressTextSize = 48;  // enough for any of them, with the final zero

/// "192.0.2.1" from 4 bytes.
void ipv4_to_text(const uint8_t* bytes, char (&text)[kAddressTextSize]);
/// "2001:db8::1" from 16 bytes, shortened as RFC 5952 says.
void ipv6_to_text(const uint8_t* bytes, char (&text)[kAddressTextSize]);
/// "02:00:5e:00:53:01" from 6 bytes.
void mac_to_text(const uint8_t* bytes, char (&text)[kAddressTextSize]);

/// False, and nothing written, when `text` (`length` bytes) is not such an address. A MAC address is six pairs of
/// hexadecimal digits with ':' or '-' between them.
[[nodiscard]] bool ipv4_from_text(const char* text, size_t length, uint8_t* bytes);
[[nodiscard]] bool ipv6_from_text(const char* text, size_t length, uint8_t* bytes);
[[nodiscard]] bool mac_from_text(const char* text, size_t length, uint8_t* bytes);

}  // namespace perilune::luadata
