#include "script/maps/map_shape.h"

#include <array>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "base/bytes.h"
#include "luadata/address_text.h"
#include "script/state/text.h"

namespace perilune::script {
namespace {

struct Named {
  std::string_view name;
  ShapePart part;
};
constexpr std::array<Named, 13> kNamed{{
    {"u8", {Scalar::kUnsigned, 1}},
    {"u16", {Scalar::kUnsigned, 2}},
    {"u32", {Scalar::kUnsigned, 4}},
    {"u64", {Scalar::kUnsigned, 8}},
    {"i8", {Scalar::kSigned, 1}},
    {"i16", {Scalar::kSigned, 2}},
    {"i32", {Scalar::kSigned, 4}},
    {"i64", {Scalar::kSigned, 8}},
    {"bool", {Scalar::kBoolean, 1}},
    {"ipv4", {Scalar::kIpv4, 4}},
    {"ipv6", {Scalar::kIpv6, 16}},
    {"ip", {Scalar::kIp, 17}},
    {"mac", {Scalar::kMac, 6}},
}};
constexpr std::string_view kStringPrefix = "string:";
constexpr uint16_t kLongestString = 255;

std::string part_name(const ShapePart& part) {
  if (part.type == Scalar::kString) return fmt::format("{}{}", kStringPrefix, part.longest());
  for (const Named& named : kNamed) {
    if (named.part == part) return std::string(named.name);
  }
  return "?";
}

std::string address(void (*to_text)(const uint8_t*, char (&)[luadata::kAddressTextSize]), const uint8_t* bytes) {
  char text[luadata::kAddressTextSize];
  to_text(bytes, text);
  return text;
}

std::string part_text(const ShapePart& part, const uint8_t* bytes) {
  switch (part.type) {
    case Scalar::kUnsigned:
      return fmt::format("{}", static_cast<uint64_t>(load_integer(part, bytes)));
    case Scalar::kSigned:
      return fmt::format("{}", load_integer(part, bytes));
    case Scalar::kBoolean:
      return bytes[0] != 0 ? "true" : "false";
    case Scalar::kIpv4:
      return address(luadata::ipv4_to_text, bytes);
    case Scalar::kIpv6:
      return address(luadata::ipv6_to_text, bytes);
    case Scalar::kIp:
      return address(bytes[0] == 4 ? luadata::ipv4_to_text : luadata::ipv6_to_text, bytes + 1);
    case Scalar::kMac:
      return address(luadata::mac_to_text, bytes);
    case Scalar::kString: {
      const auto length = read_host<uint16_t>(bytes);
      return escaped_bytes({reinterpret_cast<const char*>(bytes) + 2, length});
    }
  }
  return {};
}

}  // namespace

std::optional<ShapePart> parse_shape_part(std::string_view name) {
  for (const Named& named : kNamed) {
    if (named.name == name) return named.part;
  }
  if (!name.starts_with(kStringPrefix)) return std::nullopt;
  name.remove_prefix(kStringPrefix.size());
  uint16_t longest = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), longest);
  if (error != std::errc{} || end != name.data() + name.size() || longest == 0 || longest > kLongestString) {
    return std::nullopt;
  }
  return ShapePart{Scalar::kString, static_cast<uint16_t>(2 + longest)};
}

std::span<const std::string_view> shape_names() {
  static constexpr std::array<std::string_view, 14> kNames{"u8",  "u16",  "u32",  "u64",  "i8", "i16", "i32",
                                                           "i64", "bool", "ipv4", "ipv6", "ip", "mac", "string:N"};
  return kNames;
}

size_t Shape::size() const {
  size_t total = 0;
  for (const ShapePart& part : parts)
    total += part.size;
  return total;
}

std::string Shape::text() const {
  std::string text;
  for (const ShapePart& part : parts)
    text += fmt::format("{}'{}'", text.empty() ? "" : ", ", part_name(part));
  return composite ? fmt::format("{{{}}}", text) : text;
}

void store_integer(const ShapePart& part, int64_t value, uint8_t* bytes) {
  switch (part.size) {
    case 1:
      bytes[0] = static_cast<uint8_t>(value);
      return;
    case 2: {
      const auto narrow = static_cast<uint16_t>(value);
      std::memcpy(bytes, &narrow, sizeof narrow);
      return;
    }
    case 4: {
      const auto narrow = static_cast<uint32_t>(value);
      std::memcpy(bytes, &narrow, sizeof narrow);
      return;
    }
    default:
      std::memcpy(bytes, &value, sizeof value);
  }
}

int64_t load_integer(const ShapePart& part, const uint8_t* bytes) {
  const bool is_signed = part.type == Scalar::kSigned;
  switch (part.size) {
    case 1:
      return is_signed ? static_cast<int8_t>(bytes[0]) : int64_t{bytes[0]};
    case 2:
      return is_signed ? read_host<int16_t>(bytes) : int64_t{read_host<uint16_t>(bytes)};
    case 4:
      return is_signed ? read_host<int32_t>(bytes) : int64_t{read_host<uint32_t>(bytes)};
    default:
      return read_host<int64_t>(bytes);
  }
}

std::string value_text(const Shape& shape, std::span<const uint8_t> bytes) {
  std::string text;
  size_t offset = 0;
  for (const ShapePart& part : shape.parts) {
    if (offset != 0) text += ", ";
    text += part_text(part, bytes.data() + offset);
    offset += part.size;
  }
  return text;
}

}  // namespace perilune::script
