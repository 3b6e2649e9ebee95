#include "cli/testing/compare_after.h"

#include <algorithm>

#include "base/bytes.h"
#include "cli/report/report.h"
#include "cli/testing/compare.h"
#include "packet/checksum.h"

namespace perilune::cli {
namespace {

constexpr size_t kBytesALine = 16;

/// "48 65 6c 6c 6f ...  |Hello|"
std::string hex_line(std::string_view bytes) {
  std::string digits;
  std::string letters;
  for (const char byte : bytes) {
    digits += fmt::format("{:02x} ", static_cast<uint8_t>(byte));
    letters += byte >= 0x20 && byte < 0x7f ? byte : '.';
  }
  return fmt::format("{:<48} |{}|", digits, letters);
}

std::string_view part(std::span<const uint8_t> bytes, size_t first, size_t end) {
  return {reinterpret_cast<const char*>(bytes.data()) + first, end - first};
}

/// The fields of one packet by name; each returns its text, or nothing when the packet has no such field.
class Fields {
 public:
  Fields(const packet::Packet& packet, const packet::Decision& decision)
      : packet_(packet),
        decision_(decision),
        location_(packet::locate(packet.bytes, packet.wire_length, packet.link)) {}

  [[nodiscard]] std::string_view bytes(std::string_view name) const {
    if (name == "frame") return part(packet_.bytes, 0, packet_.bytes.size());
    const auto end = std::min<size_t>(location_.end, packet_.bytes.size());
    if (name == "header") return part(packet_.bytes, location_.network, std::max(location_.network, location_.payload));
    return part(packet_.bytes, location_.payload, std::max<size_t>(end, location_.payload));
  }

  [[nodiscard]] std::string text(std::string_view name) const {
    if (name == "modified") return decision_.modified ? "true" : "false";
    if (name == "length") return fmt::format("{}", packet_.bytes.size());
    if (name == "mark") return fmt::format("{}", packet_.mark);
    if (name == "src") return source_address(packet_, location_);
    if (name == "dst") return destination_address(packet_, location_);
    if (name == "sport") return location_.has_ports ? fmt::format("{}", location_.source_port) : "";
    if (name == "dport") return location_.has_ports ? fmt::format("{}", location_.destination_port) : "";
    if (name == "protocol") return location_.version == 0 ? "" : fmt::format("{}", location_.protocol);
    if (name == "checksums") return packet::checksums_right(packet_.bytes, location_) ? "right" : "wrong";
    return header_field(name);
  }

 private:
  [[nodiscard]] std::string header_field(std::string_view name) const {
    const bool v4 = location_.version == 4;
    if (location_.version == 0 || location_.network + (v4 ? 20U : 40U) > packet_.bytes.size()) return "";
    const uint8_t* header = packet_.bytes.data() + location_.network;
    if (name == "ttl") return fmt::format("{}", header[v4 ? 8 : 7]);
    if (name == "tos") return fmt::format("{}", v4 ? header[1] : (read_be16(header) >> 4) & 0xff);
    if (name == "id" && v4) return fmt::format("{}", read_be16(header + 4));
    return "";
  }

  const packet::Packet& packet_;
  const packet::Decision& decision_;
  packet::Location location_;
};

}  // namespace

std::string hex_difference(std::string_view expected, std::string_view got) {
  std::string text;
  if (expected.size() != got.size()) text = fmt::format("expected {} bytes, got {}", expected.size(), got.size());
  constexpr int kMostLines = 8;
  int lines = 0;
  for (size_t at = 0; at < std::max(expected.size(), got.size()); at += kBytesALine) {
    const std::string_view left = at < expected.size() ? expected.substr(at, kBytesALine) : std::string_view();
    const std::string_view right = at < got.size() ? got.substr(at, kBytesALine) : std::string_view();
    if (left == right) continue;
    if (++lines > kMostLines) return text + "\n  ...";
    text += fmt::format("\n  {:04x} expected  {}\n  {:04x} got       {}", at, hex_line(left), at, hex_line(right));
  }
  return text;
}

std::vector<std::string> after_differences(const LuaValue& wanted, const packet::Packet& packet,
                                           const packet::Decision& decision) {
  const Fields fields(packet, decision);
  std::vector<std::string> differences;
  for (const auto& [key, value] : *wanted.table()) {
    const std::string name = key.text();
    if (name == "payload" || name == "frame" || name == "header") {
      const std::string_view got = fields.bytes(name);
      if (value.text() != got) {
        const std::string difference = hex_difference(value.text(), got);
        differences.push_back(
            fmt::format("{} differs{}{}", name, difference.starts_with('\n') ? "" : ": ", difference));
      }
      continue;
    }
    const std::string got = fields.text(name);
    if (got != value.text()) {
      differences.push_back(fmt::format("{}: expected {}, got {}", name, value.text(), got.empty() ? "none" : got));
    }
  }
  std::sort(differences.begin(), differences.end());  // a table has no order of its own
  return differences;
}

}  // namespace perilune::cli
