// Numbers assigned by IANA and IEEE to what scripts most often ask for.
#include "luadata/net_tables.h"

namespace perilune::luadata {
namespace {

constexpr NetConstant kProtocols[] = {{"hopopt", 0},     {"icmp", 1},        {"igmp", 2},           {"ipip", 4},
                                      {"tcp", 6},        {"egp", 8},         {"udp", 17},           {"dccp", 33},
                                      {"ipv6", 41},      {"ipv6_route", 43}, {"ipv6_fragment", 44}, {"gre", 47},
                                      {"esp", 50},       {"ah", 51},         {"icmpv6", 58},        {"ipv6_nonxt", 59},
                                      {"ipv6_opts", 60}, {"ospf", 89},       {"pim", 103},          {"vrrp", 112},
                                      {"l2tp", 115},     {"sctp", 132},      {"mobility", 135},     {"udplite", 136}};

constexpr NetConstant kEthertypes[] = {{"ipv4", 0x0800},
                                       {"arp", 0x0806},
                                       {"wol", 0x0842},
                                       {"vlan", 0x8100},
                                       {"ipv6", 0x86dd},
                                       {"mpls", 0x8847},
                                       {"mpls_multicast", 0x8848},
                                       {"pppoe_discovery", 0x8863},
                                       {"pppoe", 0x8864},
                                       {"eapol", 0x888e},
                                       {"qinq", 0x88a8},
                                       {"lldp", 0x88cc},
                                       {"macsec", 0x88e5}};

constexpr NetConstant kTcpFlags[] = {{"fin", 0x01}, {"syn", 0x02}, {"rst", 0x04}, {"psh", 0x08},
                                     {"ack", 0x10}, {"urg", 0x20}, {"ece", 0x40}, {"cwr", 0x80}};

constexpr NetConstant kArpOperations[] = {{"request", 1}, {"reply", 2}};

constexpr NetConstant kIcmpTypes[] = {{"echo_reply", 0},
                                      {"unreachable", 3},
                                      {"source_quench", 4},
                                      {"redirect", 5},
                                      {"echo", 8},
                                      {"router_advertisement", 9},
                                      {"router_solicitation", 10},
                                      {"time_exceeded", 11},
                                      {"parameter_problem", 12},
                                      {"timestamp", 13},
                                      {"timestamp_reply", 14}};

constexpr NetConstant kIcmpv6Types[] = {{"unreachable", 1},
                                        {"packet_too_big", 2},
                                        {"time_exceeded", 3},
                                        {"parameter_problem", 4},
                                        {"echo", 128},
                                        {"echo_reply", 129},
                                        {"listener_query", 130},
                                        {"listener_report", 131},
                                        {"listener_done", 132},
                                        {"router_solicitation", 133},
                                        {"router_advertisement", 134},
                                        {"neighbor_solicitation", 135},
                                        {"neighbor_advertisement", 136},
                                        {"redirect", 137},
                                        {"listener_report_v2", 143}};

constexpr NetConstant kDnsTypes[] = {
    {"a", 1},      {"ns", 2},     {"cname", 5},  {"soa", 6},     {"ptr", 12},   {"hinfo", 13}, {"mx", 15},
    {"txt", 16},   {"aaaa", 28},  {"srv", 33},   {"naptr", 35},  {"dname", 39}, {"opt", 41},   {"ds", 43},
    {"sshfp", 44}, {"rrsig", 46}, {"nsec", 47},  {"dnskey", 48}, {"nsec3", 50}, {"tlsa", 52},  {"svcb", 64},
    {"https", 65}, {"ixfr", 251}, {"axfr", 252}, {"any", 255},   {"caa", 257}};

constexpr NetConstant kDnsClasses[] = {{"internet", 1}, {"chaos", 3}, {"hesiod", 4}, {"none", 254}, {"any", 255}};

constexpr NetConstant kDnsCodes[] = {{"noerror", 0},  {"formerr", 1}, {"servfail", 2},
                                     {"nxdomain", 3}, {"notimp", 4},  {"refused", 5}};

constexpr NetConstant kTlsContents[] = {
    {"change_cipher_spec", 20}, {"alert", 21}, {"handshake", 22}, {"application_data", 23}, {"heartbeat", 24}};

constexpr NetConstant kTlsHandshakes[] = {
    {"client_hello", 1},         {"server_hello", 2},        {"new_session_ticket", 4},   {"end_of_early_data", 5},
    {"encrypted_extensions", 8}, {"certificate", 11},        {"server_key_exchange", 12}, {"certificate_request", 13},
    {"server_hello_done", 14},   {"certificate_verify", 15}, {"client_key_exchange", 16}, {"finished", 20},
    {"key_update", 24}};

constexpr NetConstant kSctpChunks[] = {
    {"data", 0},          {"init", 1},        {"init_ack", 2},          {"sack", 3},         {"heartbeat", 4},
    {"heartbeat_ack", 5}, {"abort", 6},       {"shutdown", 7},          {"shutdown_ack", 8}, {"error", 9},
    {"cookie_echo", 10},  {"cookie_ack", 11}, {"shutdown_complete", 14}};

constexpr NetConstants kConstants[] = {{"protocol", kProtocols},
                                       {"ethertype", kEthertypes},
                                       {"tcp_flag", kTcpFlags},
                                       {"arp_operation", kArpOperations},
                                       {"icmp_type", kIcmpTypes},
                                       {"icmpv6_type", kIcmpv6Types},
                                       {"dns_type", kDnsTypes},
                                       {"dns_class", kDnsClasses},
                                       {"dns_rcode", kDnsCodes},
                                       {"tls_content", kTlsContents},
                                       {"tls_handshake_type", kTlsHandshakes},
                                       {"sctp_chunk_type", kSctpChunks}};

}  // namespace

std::span<const NetConstants> net_constants() {
  return kConstants;
}

}  // namespace perilune::luadata
