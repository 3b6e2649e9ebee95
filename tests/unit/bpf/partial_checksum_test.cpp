// Packets whose checksum the device would finish (CHECKSUM_PARTIAL: all that a host sends itself) written to at tc out:
// what is left in the field must be the pseudo header's sum of the packet as it is now.
//
// A veth pair in a network namespace of the test's own, which goes when its thread ends.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "bpf/hook.h"
#include "bpf/program.h"
#include "bpf/system_call.h"
#include "filter_code.h"
#include "packet/checksum.h"
#include "packet/record.h"

namespace perilune::bpf {
namespace {

constexpr const char* kSetUp =
    "ip link add pl-a address 02:00:00:00:00:0a type veth peer name pl-b address 02:00:00:00:00:0b && "
    "ip link set pl-a up && ip link set pl-b up && ip addr add 10.99.0.1/24 dev pl-a && "
    "ip -6 addr add fd99::1/64 dev pl-a nodad && "
    "ip neigh add 10.99.0.2 lladdr 02:00:00:00:00:0b dev pl-a && "
    "ip -6 neigh add fd99::2 lladdr 02:00:00:00:00:0b dev pl-a";
constexpr int kLinkCreate = 28;

struct Write {
  uint32_t offset;
  uint8_t value;
};

ir::Image writing_filter(const std::vector<Write>& writes) {
  FilterCode code;
  code.begin();
  code.pull(0x7fffffff);
  uint32_t begin = UINT32_MAX;
  uint32_t end = 0;
  for (const Write& write : writes) {
    code.store8(PL_FRAME + write.offset, write.value);
    begin = std::min(begin, write.offset);
    end = std::max(end, write.offset + 1);
  }
  code.store32(PL_RECORD + offsetof(pl_packet, dirty_begin), begin)
      .store32(PL_RECORD + offsetof(pl_packet, dirty_end), end)
      .ret(PL_PASS);
  code.image.writes = true;
  return code.image;
}

FileDescriptor attach_out(int program, const char* interface) {
  struct {
    uint32_t program;
    uint32_t ifindex;
    uint32_t attach_type;
    uint32_t flags;
    uint64_t relative;
    uint64_t revision;
  } attributes{};
  attributes.program = static_cast<uint32_t>(program);
  attributes.ifindex = if_nametoindex(interface);
  attributes.attach_type = static_cast<uint32_t>(AttachType::kTcxEgress);
  return FileDescriptor(static_cast<int>(system_call(kLinkCreate, &attributes, sizeof attributes)));
}

FileDescriptor listen_on(const char* interface) {
  FileDescriptor listener(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  EXPECT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return listener;
}

void send_udp(bool v6, const std::array<uint8_t, 20>& payload) {
  const FileDescriptor sender(socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(5353);
  inet_pton(AF_INET, "10.99.0.2", &to.sin_addr);
  sockaddr_in6 to6{};
  to6.sin6_family = AF_INET6;
  to6.sin6_port = htons(5353);
  inet_pton(AF_INET6, "fd99::2", &to6.sin6_addr);
  const auto* address = v6 ? reinterpret_cast<sockaddr*>(&to6) : reinterpret_cast<sockaddr*>(&to);
  EXPECT_EQ(sendto(sender.get(), payload.data(), payload.size(), 0, address, v6 ? sizeof to6 : sizeof to),
            static_cast<ssize_t>(payload.size()));
}

/// The next UDP packet; empty: none came.
std::vector<uint8_t> next_udp(int listener, bool v6) {
  for (unsigned i = 0; i < 50; ++i) {
    pollfd ready{listener, POLLIN, 0};
    if (poll(&ready, 1, 2000) <= 0) return {};
    std::vector<uint8_t> frame(2000);
    const ssize_t length = recv(listener, frame.data(), frame.size(), 0);
    if (length < 42) continue;
    frame.resize(static_cast<size_t>(length));
    if (read_be16(&frame[12]) == (v6 ? 0x86dd : 0x0800) && frame[v6 ? 20 : 23] == 17) return frame;
  }
  return {};
}

uint16_t pseudo_sum(const std::vector<uint8_t>& frame, bool v6) {
  const std::span<const uint8_t> bytes(frame);
  const uint64_t length = read_be16(&frame[v6 ? 58 : 38]);
  const auto addresses = v6 ? bytes.subspan(22, 32) : bytes.subspan(26, 8);
  return static_cast<uint16_t>(~packet::fold_checksum(packet::checksum_add(addresses, 17 + length)));
}

/// Sends one UDP packet of 20 bytes through a filter that makes `writes`, and checks what comes out.
void check(bool v6, const std::vector<Write>& writes, const char* what) {
  ASSERT_EQ(unshare(CLONE_NEWNET), 0);
  ASSERT_EQ(std::system(kSetUp), 0);
  ProgramOptions options;
  options.hook = find_hook("tc");
  const auto program = load(writing_filter(writes), options);
  ASSERT_TRUE(program) << program.error().message;
  const FileDescriptor listener = listen_on("pl-b");

  // Without the filter: is this really a checksum to be finished?
  send_udp(v6, {1, 2, 3});
  const auto plain = next_udp(listener.get(), v6);
  ASSERT_GE(plain.size(), 62U) << what;
  const size_t field = v6 ? 60 : 40;
  ASSERT_EQ(read_be16(&plain[field]) % 0xffff, pseudo_sum(plain, v6) % 0xffff) << what;

  const FileDescriptor link = attach_out(program->program.get(), "pl-a");
  ASSERT_TRUE(static_cast<bool>(link)) << "tcx";
  send_udp(v6, {1, 2, 3});
  const auto frame = next_udp(listener.get(), v6);
  ASSERT_GE(frame.size(), 50U) << what;
  for (const Write& write : writes)
    EXPECT_EQ(frame[write.offset], write.value) << what;
  EXPECT_EQ(read_be16(&frame[field]) % 0xffff, pseudo_sum(frame, v6) % 0xffff) << what;
  if (!v6) {
    EXPECT_EQ(packet::fold_checksum(packet::checksum_add(std::span(frame).subspan(14, 20))), 0) << what;
  }
}

void in_own_namespace(bool v6, const std::vector<Write>& writes, const char* what) {
  if (geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
  std::thread([&] { check(v6, writes, what); }).join();
}

TEST(PartialChecksum, PayloadOfAFewBytes) {
  in_own_namespace(false, {{45, 0x77}}, "IPv4");
  in_own_namespace(true, {{65, 0x77}, {66, 0x78}}, "IPv6");
}

TEST(PartialChecksum, PayloadOfManyBytes) {
  in_own_namespace(false, {{42, 0x77}, {60, 0x78}}, "IPv4");
  in_own_namespace(true, {{62, 0x77}, {80, 0x78}}, "IPv6");
}

TEST(PartialChecksum, Addresses) {
  in_own_namespace(false, {{29, 7}, {33, 9}}, "IPv4");
  in_own_namespace(true, {{37, 7}, {53, 9}}, "IPv6");
}

TEST(PartialChecksum, LengthsAndPayload) {
  in_own_namespace(false, {{17, 46}, {39, 26}, {50, 1}}, "IPv4");  // two bytes shorter
  in_own_namespace(true, {{19, 26}, {59, 26}, {70, 1}}, "IPv6");
}

}  // namespace
}  // namespace perilune::bpf
