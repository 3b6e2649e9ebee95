// The shapes of a map's keys and values: fixed sizes, as the kernel's maps need them, so that a map means the same in
// every engine.
//
//   shape      bytes     a Lua value of it
//   u8 .. u64  1 2 4 8   integer from 0 (u64: any integer, its 64 bits)
//   i8 .. i64  1 2 4 8   integer
//   bool       1         true, false
//   ipv4       4         string of 4 bytes, as pkt.src gives it; or text
//   ipv6       16        string of 16 bytes; or text
//   ip         17        either (the first byte is the version)
//   mac        6         string of 6 bytes; or text
//   string:N   2 + N     string of at most N bytes (its length goes first)
//   {a, b}     a + b     array of such values, at most 8
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace perilune::script {

inline constexpr size_t kMaxKeyBytes = 512;  // what the kernel's maps take, and a program's stack holds
inline constexpr size_t kMaxValueBytes = 1024;
inline constexpr size_t kMaxParts = 8;

enum class Scalar : uint8_t { kUnsigned, kSigned, kBoolean, kIpv4, kIpv6, kIp, kMac, kString };

/// One scalar in a key or value.
struct ShapePart {
  Scalar type = Scalar::kUnsigned;
  uint16_t size = 0;  // bytes it takes

  [[nodiscard]] bool is_integer() const { return type == Scalar::kUnsigned || type == Scalar::kSigned; }
  /// The longest string (kString).
  [[nodiscard]] uint16_t longest() const { return static_cast<uint16_t>(size - 2); }
  bool operator==(const ShapePart&) const = default;
};

/// The part named "u32", "ip", "string:64"...; nothing when there is none of that name.
[[nodiscard]] std::optional<ShapePart> parse_shape_part(std::string_view name);
/// The names of all shapes, for messages ("string:N" stands for all lengths).
[[nodiscard]] std::span<const std::string_view> shape_names();

struct Shape {
  std::vector<ShapePart> parts;
  bool composite = false;  // written {a, b}: its Lua values are arrays, also with one part

  [[nodiscard]] size_t size() const;
  [[nodiscard]] bool is_integer() const { return !composite && parts.size() == 1 && parts[0].is_integer(); }
  [[nodiscard]] bool is_string() const { return !composite && parts.size() == 1 && parts[0].type == Scalar::kString; }
  /// As a script writes it: "'ip'", "{'ip', 'u16'}".
  [[nodiscard]] std::string text() const;
  bool operator==(const Shape&) const = default;
};

/// Integers are kept in the machine's byte order, sign extended or cut to the part's size.
void store_integer(const ShapePart& part, int64_t value, uint8_t* bytes);
[[nodiscard]] int64_t load_integer(const ShapePart& part, const uint8_t* bytes);

/// The value in `bytes` for people and tests: 42, true, 192.0.2.1, 02:00:5e:00:53:01, abc (bytes that are no ASCII
/// letters as \xNN); the parts of a composite with ", " between them.
[[nodiscard]] std::string value_text(const Shape& shape, std::span<const uint8_t> bytes);

}  // namespace perilune::script
