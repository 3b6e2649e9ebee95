#include "cli/testing/packet_module.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>

#include "base/spelling.h"
#include "packet/build.h"

namespace perilune::cli {
namespace {

using packet::BuildOptions;

/// Reads the fields of one description, one after the other; the first mistake stays.
class Fields {
 public:
  explicit Fields(const LuaValue& table) : table_(table) { known_ = {"kind"}; }

  [[nodiscard]] bool has(std::string_view name) {
    known_.emplace_back(name);
    return !table_.field(name).is_nil();
  }

  template <typename T>
  void integer(std::string_view name, T& target, int64_t most) {
    if (!has(name)) return;
    const int64_t* value = table_.field(name).integer();
    if (value == nullptr || *value < 0 || *value > most)
      return wrong(name, fmt::format("an integer from 0 to {}", most));
    target = static_cast<T>(*value);
  }
  void boolean(std::string_view name, bool& target) {
    if (!has(name)) return;
    const bool* value = table_.field(name).boolean();
    if (value == nullptr) return wrong(name, "true or false");
    target = *value;
  }
  void string(std::string_view name, std::string& target) {
    if (!has(name)) return;
    const std::string* value = table_.field(name).string();
    if (value == nullptr) return wrong(name, "a string");
    target = *value;
  }
  void bytes(std::string_view name, std::vector<uint8_t>& target) {
    std::string text;
    string(name, text);
    if (!text.empty()) target.assign(text.begin(), text.end());
  }
  void mac(std::string_view name, std::array<uint8_t, 6>& target) {
    std::string text;
    string(name, text);
    if (text.empty()) return;
    std::array<unsigned, 6> parts{};
    char rest = 0;
    const int read = std::sscanf(text.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x%c", &parts[0], &parts[1], &parts[2], &parts[3],
                                 &parts[4], &parts[5], &rest);
    if (read != 6) return wrong(name, "a MAC address such as '02:00:00:00:00:01'");
    std::transform(parts.begin(), parts.end(), target.begin(),
                   [](unsigned part) { return static_cast<uint8_t>(part); });
  }
  [[nodiscard]] const LuaValue& value(std::string_view name) const { return table_.field(name); }

  void wrong(std::string_view name, std::string_view wanted) {
    if (!problem_.empty()) return;
    problem_ = fmt::format("{}: expected {}, got {}", name, wanted, table_.field(name).description());
  }
  void fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }

  /// The first mistake; else a field that is not known.
  [[nodiscard]] Result<void> verdict(std::string_view kind) const {
    if (!problem_.empty()) return input_error(fmt::format("packet.{}: {}", kind, problem_));
    const LuaValue::Table* entries = table_.table();
    for (const auto& [key, value] : *entries) {
      const std::string name = key.text();
      if (key.string() != nullptr && std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      const std::string meant = did_you_mean(name, known_);
      return input_error(fmt::format("packet.{} has no field '{}'", kind, name),
                         meant.empty() ? "docs/testing.md lists the fields" : meant);
    }
    return {};
  }

 private:
  const LuaValue& table_;
  std::vector<std::string> known_;
  std::string problem_;
};

bool is_v6(const std::string& address) {
  return address.find(':') != std::string::npos;
}

/// Addresses that the author did not care about: of the documentation ranges (RFC 5737, RFC 3849), of the other's
/// family.
void complete_addresses(BuildOptions& options, bool v6) {
  v6 = v6 || is_v6(options.source) || is_v6(options.destination);
  if (options.source.empty()) options.source = v6 ? "2001:db8::1" : "192.0.2.1";
  if (options.destination.empty()) options.destination = v6 ? "2001:db8::2" : "192.0.2.2";
}

void read_flags(Fields& fields, uint8_t& target) {
  if (!fields.has("flags")) return;
  if (const std::string* letters = fields.value("flags").string()) {
    constexpr std::string_view kLetters = "FSRPAUEC";
    uint8_t flags = 0;
    for (const char letter : *letters) {
      const size_t bit = kLetters.find(letter);
      if (bit == std::string_view::npos) return fields.wrong("flags", "letters of FSRPAUEC, such as 'SA', or a number");
      flags = static_cast<uint8_t>(flags | (1U << bit));
    }
    target = flags;
    return;
  }
  fields.integer("flags", target, 255);
}

void read_vlans(Fields& fields, std::vector<uint16_t>& target) {
  if (!fields.has("vlan")) return;
  const LuaValue& value = fields.value("vlan");
  const auto add = [&](const LuaValue& number) {
    const int64_t* tag = number.integer();
    if (tag == nullptr || *tag < 0 || *tag > 0xffff)
      return fields.wrong("vlan", "a VLAN number or a list of them, outermost first");
    target.push_back(static_cast<uint16_t>(*tag));
  };
  if (value.table() == nullptr) return add(value);
  for (int64_t i = 1; i <= value.length(); ++i)
    add(value.element(i));
}

/// Bytes of the payload: a string, or another description, whose IP packet is quoted (ICMP errors, tunnels).
void read_payload(Fields& fields, std::vector<uint8_t>& target) {
  if (!fields.has("payload")) return;
  const LuaValue& value = fields.value("payload");
  if (value.table() == nullptr) return fields.bytes("payload", target);
  const Result<BuiltPacket> inner = build_packet(value);
  if (!inner) return fields.fail(fmt::format("payload: {}", inner.error().message));
  const packet::Location location = packet::locate(inner->bytes, inner->bytes.size(), inner->packet.link);
  target.assign(inner->bytes.begin() + location.network, inner->bytes.end());
}

/// What the hook would know about the packet.
void read_circumstances(Fields& fields, BuiltPacket& built) {
  fields.string("interface", built.interface);
  fields.integer("ifindex", built.packet.ifindex, INT32_MAX);
  fields.integer("mark", built.packet.mark, UINT32_MAX);
  if (fields.has("direction")) {
    const std::string* direction = fields.value("direction").string();
    if (direction != nullptr && *direction == "in") {
      built.packet.direction = packet::Direction::kIn;
    } else if (direction != nullptr && *direction == "out") {
      built.packet.direction = packet::Direction::kOut;
    } else if (direction != nullptr && *direction == "forward") {
      built.packet.direction = packet::Direction::kForward;
    } else {
      fields.wrong("direction", "'in', 'out' or 'forward'");
    }
  }
  if (fields.has("time")) {
    const LuaValue& value = fields.value("time");
    double seconds = -1;
    if (value.integer() != nullptr) seconds = static_cast<double>(*value.integer());
    if (value.number() != nullptr) seconds = *value.number();
    constexpr double kLatest = 9e9;  // fits 64 bits of nanoseconds
    if (!(seconds > 0 && seconds < kLatest)) return fields.wrong("time", "seconds above 0");
    built.packet.time_ns = static_cast<uint64_t>(std::llround(seconds * 1e9));
  }
}

/// `snap`: how many bytes of the frame the capture kept.
uint32_t read_snap(Fields& fields) {
  uint32_t snap = UINT32_MAX;
  fields.integer("snap", snap, UINT32_MAX);
  return snap;
}

void cut(BuiltPacket& built, uint32_t snap) {
  built.packet.wire_length = built.bytes.size();
  if (snap < built.bytes.size()) built.bytes.resize(snap);
}

Result<BuiltPacket> build_described(const LuaValue& description, const std::string& kind) {
  BuiltPacket built;
  BuildOptions options;
  Fields fields(description);
  fields.string("src", options.source);
  fields.string("dst", options.destination);
  fields.integer("ttl", options.ttl, 255);
  fields.integer("tos", options.tos, 255);
  fields.integer("id", options.identification, 65535);
  fields.boolean("df", options.dont_fragment);
  fields.boolean("mf", options.more_fragments);
  fields.integer("offset", options.fragment_offset, 65535);
  fields.bytes("options", options.ip_options);
  fields.boolean("ethernet", options.ethernet);
  fields.mac("src_mac", options.source_mac);
  fields.mac("dst_mac", options.destination_mac);
  read_vlans(fields, options.vlans);
  read_payload(fields, options.payload);
  if (kind == "tcp" || kind == "udp") {
    options.source_port = 40000;
    options.destination_port = 80;
    fields.integer("sport", options.source_port, 65535);
    fields.integer("dport", options.destination_port, 65535);
    options.protocol = kind == "tcp" ? packet::protocol::kTcp : packet::protocol::kUdp;
  }
  if (kind == "tcp") {
    read_flags(fields, options.tcp_flags);
    fields.integer("seq", options.sequence, UINT32_MAX);
    fields.integer("ack", options.acknowledgement, UINT32_MAX);
    fields.integer("window", options.window, 65535);
    fields.bytes("tcp_options", options.tcp_options);
  }
  complete_addresses(options, kind == "icmpv6");
  if (kind == "icmp" || kind == "icmpv6") {
    const bool v6 = is_v6(options.source);
    options.protocol = v6 ? packet::protocol::kIcmpV6 : packet::protocol::kIcmp;
    options.icmp_type = v6 ? 128 : 8;  // echo requests
    fields.integer("type", options.icmp_type, 255);
    fields.integer("code", options.icmp_code, 255);
    fields.integer("rest", options.icmp_rest, UINT32_MAX);
  }
  if (kind == "ip") {
    options.protocol = 253;  // for experiments (RFC 3692)
    options.bare = true;
    fields.integer("protocol", options.protocol, 255);
  }
  read_circumstances(fields, built);
  const uint32_t snap = read_snap(fields);
  if (const Result<void> sound = fields.verdict(kind); !sound) return tl::make_unexpected(sound.error());
  Result<std::vector<uint8_t>> bytes = packet::build(options);
  if (!bytes) return input_error(fmt::format("packet.{}: {}", kind, bytes.error().message), bytes.error().hint);
  built.bytes = std::move(*bytes);
  built.packet.link = options.ethernet ? packet::LinkType::kEthernet : packet::LinkType::kRaw;
  built.packet.has_frame = options.ethernet;
  cut(built, snap);
  return built;
}

Result<BuiltPacket> build_raw(const LuaValue& description) {
  static const std::map<std::string, packet::LinkType, std::less<>> kLinks = {
      {"ethernet", packet::LinkType::kEthernet}, {"raw", packet::LinkType::kRaw},
      {"null", packet::LinkType::kNull},         {"loop", packet::LinkType::kLoop},
      {"sll", packet::LinkType::kLinuxSll},      {"sll2", packet::LinkType::kLinuxSll2}};
  BuiltPacket built;
  Fields fields(description);
  fields.bytes("bytes", built.bytes);
  if (fields.has("link")) {
    const LuaValue& link = fields.value("link");
    const auto named = link.string() == nullptr ? kLinks.end() : kLinks.find(*link.string());
    const int64_t* number = link.integer();
    if (named != kLinks.end()) {
      built.packet.link = named->second;
    } else if (number != nullptr && *number >= 0 && *number <= 0xffff &&
               packet::is_supported_link_type(static_cast<uint16_t>(*number))) {
      built.packet.link = static_cast<packet::LinkType>(*number);
    } else {
      fields.wrong("link", "'ethernet', 'raw', 'null', 'loop', 'sll', 'sll2', or a LINKTYPE_ number that is supported");
    }
  }
  const packet::LinkType link = built.packet.link;
  built.packet.has_frame = link != packet::LinkType::kRaw && link != packet::LinkType::kRawOld &&
                           link != packet::LinkType::kIpv4 && link != packet::LinkType::kIpv6;
  read_circumstances(fields, built);
  const uint32_t snap = read_snap(fields);
  if (const Result<void> sound = fields.verdict("raw"); !sound) return tl::make_unexpected(sound.error());
  cut(built, snap);
  return built;
}

// The functions copy their table, so that one table can describe several packets. `link` is 'ethernet' unless given.
constexpr std::string_view kModule =
    "local packet = {} "
    "for _, kind in ipairs {'tcp', 'udp', 'icmp', 'icmpv6', 'ip'} do "
    "packet[kind] = function(fields) local made = {} "
    "if fields ~= nil and type(fields) ~= 'table' then error('packet.' .. kind .. ' wants a table of fields', 2) end "
    "for key, value in pairs(fields or {}) do made[key] = value end made.kind = kind return made end end "
    "function packet.raw(bytes, link) local made = {link = link} "
    "if type(bytes) == 'table' then for key, value in pairs(bytes) do made[key] = value end else made.bytes = bytes "
    "end "
    "if type(made.bytes) ~= 'string' then error('packet.raw wants the bytes as a string', 2) end "
    "made.kind = 'raw' return made end "
    "function packet.hex(digits, link) "
    "if type(digits) ~= 'string' then error('packet.hex wants hexadecimal digits in a string', 2) end "
    "digits = digits:gsub('[%s:]', '') "
    "if digits:find('%X') or #digits % 2 ~= 0 then error('packet.hex wants pairs of hexadecimal digits', 2) end "
    "return packet.raw(digits:gsub('%x%x', function(pair) return string.char(tonumber(pair, 16)) end), link) end ";

}  // namespace

std::string_view packet_module_source() {
  return kModule;
}

Result<BuiltPacket> build_packet(const LuaValue& description) {
  if (const std::string* bytes = description.string()) {
    BuiltPacket built;
    built.bytes.assign(bytes->begin(), bytes->end());
    return built;
  }
  const std::string* kind = description.field("kind").string();
  if (kind == nullptr) {
    return input_error(
        fmt::format("{} is no packet", description.description()),
        "write packet.tcp{...}, packet.udp{...}, packet.icmp{...}, packet.ip{...}, packet.raw(bytes, link) or "
        "packet.hex(digits, link)");
  }
  return *kind == "raw" ? build_raw(description) : build_described(description, *kind);
}

}  // namespace perilune::cli
