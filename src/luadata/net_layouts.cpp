// Protocol headers, with the field names of their RFCs, short, and the same name for the same thing in each of them:
// src, dst, sport, dport, length, checksum, id, seq, type, code, flags.
#include "luadata/net_tables.h"

namespace perilune::luadata {
namespace {

constexpr NetField kEthernet[] = {{"dst", 0, 6, "mac"}, {"src", 6, 6, "mac"}, {"type", 96, 16}};

// IEEE 802.1Q: what follows a type of 0x8100 (or 0x88a8).
constexpr NetField kVlan[] = {{"pcp", 0, 3}, {"dei", 3, 1}, {"vid", 4, 12}, {"type", 16, 16}};

// RFC 826, for Ethernet and IPv4.
constexpr NetField kArp[] = {
    {"htype", 0, 16},         {"ptype", 16, 16},           {"hlen", 32, 8},           {"plen", 40, 8},
    {"operation", 48, 16},    {"sender_mac", 8, 6, "mac"}, {"sender", 14, 4, "ipv4"}, {"target_mac", 18, 6, "mac"},
    {"target", 24, 4, "ipv4"}};

// RFC 791; dscp and ecn as in RFC 2474 and RFC 3168.
constexpr NetField kIpv4[] = {
    {"version", 0, 4},           {"ihl", 4, 4},  {"tos", 8, 8},       {"dscp", 8, 6},       {"ecn", 14, 2},
    {"length", 16, 16},          {"id", 32, 16}, {"flags", 48, 3},    {"df", 49, 1},        {"mf", 50, 1},
    {"fragment_offset", 51, 13}, {"ttl", 64, 8}, {"protocol", 72, 8}, {"checksum", 80, 16}, {"src", 12, 4, "ipv4"},
    {"dst", 16, 4, "ipv4"}};

// RFC 8200.
constexpr NetField kIpv6[] = {
    {"version", 0, 4},  {"traffic_class", 4, 8}, {"dscp", 4, 6},       {"ecn", 10, 2},         {"flow_label", 12, 20},
    {"length", 32, 16}, {"next_header", 48, 8},  {"hop_limit", 56, 8}, {"src", 8, 16, "ipv6"}, {"dst", 24, 16, "ipv6"}};

// RFC 8200, section 4.5.
constexpr NetField kIpv6Fragment[] = {
    {"next_header", 0, 8}, {"reserved", 8, 8}, {"fragment_offset", 16, 13}, {"mf", 31, 1}, {"id", 32, 32}};

// RFC 9293. The acknowledgement number is `ack`, its flag `ack_flag`.
constexpr NetField kTcp[] = {{"sport", 0, 16},       {"dport", 16, 16},    {"seq", 32, 32},     {"ack", 64, 32},
                             {"data_offset", 96, 4}, {"flags", 104, 8},    {"cwr", 104, 1},     {"ece", 105, 1},
                             {"urg", 106, 1},        {"ack_flag", 107, 1}, {"psh", 108, 1},     {"rst", 109, 1},
                             {"syn", 110, 1},        {"fin", 111, 1},      {"window", 112, 16}, {"checksum", 128, 16},
                             {"urgent", 144, 16}};

// RFC 768.
constexpr NetField kUdp[] = {{"sport", 0, 16}, {"dport", 16, 16}, {"length", 32, 16}, {"checksum", 48, 16}};

// RFC 792. What follows the checksum depends on the type: id and seq (echo), gateway (redirect), mtu (fragmentation
// needed, RFC 1191), pointer (parameter problem), rest (all of it).
constexpr NetField kIcmp[] = {{"type", 0, 8},    {"code", 8, 8},  {"checksum", 16, 16},      {"rest", 32, 32},
                              {"id", 32, 16},    {"seq", 48, 16}, {"gateway", 4, 4, "ipv4"}, {"mtu", 48, 16},
                              {"pointer", 32, 8}};

// RFC 4443; target is that of neighbour discovery (RFC 4861).
constexpr NetField kIcmpv6[] = {{"type", 0, 8},   {"code", 8, 8},      {"checksum", 16, 16},
                                {"rest", 32, 32}, {"id", 32, 16},      {"seq", 48, 16},
                                {"mtu", 32, 32},  {"pointer", 32, 32}, {"target", 8, 16, "ipv6"}};

// RFC 1035, section 4.1.1; ad and cd as in RFC 4035.
constexpr NetField kDns[] = {{"id", 0, 16},       {"flags", 16, 16},   {"qr", 16, 1},       {"opcode", 17, 4},
                             {"aa", 21, 1},       {"tc", 22, 1},       {"rd", 23, 1},       {"ra", 24, 1},
                             {"z", 25, 1},        {"ad", 26, 1},       {"cd", 27, 1},       {"rcode", 28, 4},
                             {"qdcount", 32, 16}, {"ancount", 48, 16}, {"nscount", 64, 16}, {"arcount", 80, 16}};

// RFC 8446, section 5.1.
constexpr NetField kTlsRecord[] = {{"type", 0, 8}, {"version", 8, 16}, {"length", 24, 16}};

// RFC 8446, section 4; version, random and session_id_length are those of a ClientHello or ServerHello.
constexpr NetField kTlsHandshake[] = {
    {"type", 0, 8}, {"length", 8, 24}, {"version", 32, 16}, {"random", 6, 32, "string"}, {"session_id_length", 304, 8}};

// RFC 9260: the common header, and the header of a chunk.
constexpr NetField kSctp[] = {{"sport", 0, 16}, {"dport", 16, 16}, {"tag", 32, 32}, {"checksum", 64, 32}};
constexpr NetField kSctpChunk[] = {{"type", 0, 8}, {"flags", 8, 8}, {"length", 16, 16}};

constexpr NetLayout kLayouts[] = {{"ethernet", kEthernet},
                                  {"vlan", kVlan},
                                  {"arp", kArp},
                                  {"ipv4", kIpv4},
                                  {"ipv6", kIpv6},
                                  {"ipv6_fragment", kIpv6Fragment},
                                  {"tcp", kTcp},
                                  {"udp", kUdp},
                                  {"icmp", kIcmp},
                                  {"icmpv6", kIcmpv6},
                                  {"dns", kDns},
                                  {"tls_record", kTlsRecord},
                                  {"tls_handshake", kTlsHandshake},
                                  {"sctp", kSctp},
                                  {"sctp_chunk", kSctpChunk}};

}  // namespace

std::span<const NetLayout> net_layouts() {
  return kLayouts;
}

}  // namespace perilune::luadata
