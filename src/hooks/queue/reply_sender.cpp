#include "hooks/queue/reply_sender.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "hooks/queue.h"
#include "packet/checksum.h"
#include "packet/reply.h"

namespace perilune::hooks::queue {

namespace {

constexpr size_t kIpv4HeaderBytes = 20;
constexpr size_t kIpv6HeaderBytes = 40;

unsigned version_of(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return 0;
  const unsigned version = bytes[0] >> 4;
  if (version == 4 && bytes.size() >= kIpv4HeaderBytes) return 4;
  if (version == 6 && bytes.size() >= kIpv6HeaderBytes) return 6;
  return 0;
}

std::span<const uint8_t> source_of(std::span<const uint8_t> bytes) {
  return version_of(bytes) == 4 ? bytes.subspan(12, 4) : bytes.subspan(8, 16);
}

std::span<const uint8_t> destination_of(std::span<const uint8_t> bytes) {
  return version_of(bytes) == 4 ? bytes.subspan(16, 4) : bytes.subspan(24, 16);
}

bool same_bytes(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

FileDescriptor open_raw(int family) {
  FileDescriptor socket(::socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW));
  if (!socket) return socket;
  const int on = 1;
  const uint32_t mark = kReplyMark;
  if (family == AF_INET6) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof on);
  // Without the mark our answer could be diverted to us again, so it is not optional.
  if (setsockopt(socket.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) socket.reset();
  return socket;
}

/// Locally sent packets carry unfinished TCP and UDP checksums; a raw socket sends them as they are.
void finish_checksum(std::span<uint8_t> bytes, const packet::Location& location) {
  if (!location.has_transport || location.fragment || location.truncated) return;
  size_t field = location.transport;
  if (location.protocol == packet::protocol::kTcp) {
    field += 16;
  } else if (location.protocol == packet::protocol::kUdp) {
    field += 6;
  } else {
    return;
  }
  write_be16(bytes.data() + field, packet::transport_checksum(bytes, location));
}

}  // namespace

bool is_turned_round(std::span<const uint8_t> packet, std::span<const uint8_t> turned) {
  const unsigned version = version_of(packet);
  return version != 0 && version == version_of(turned) && same_bytes(source_of(packet), destination_of(turned));
}

Result<ReplySender> ReplySender::open() {
  ReplySender sender;
  sender.ipv4_ = open_raw(AF_INET);
  if (!sender.ipv4_) return errno_error("open a raw socket", errno);
  sender.ipv6_ = open_raw(AF_INET6);
  return sender;
}

bool ReplySender::reject(const packet::Packet& packet, const packet::Location& location) {
  if (packet.mark == kReplyMark) return false;
  const std::vector<uint8_t> answer = packet::reject_reply(packet.bytes, location);
  return answer.empty() || send(answer, packet.ifindex);
}

bool ReplySender::reply(const packet::Packet& packet, const packet::Location& location,
                        std::span<const uint8_t> turned) {
  if (packet.mark == kReplyMark || !is_turned_round(packet.bytes, turned)) return false;
  // A packet the script changed has its checksum already.
  if (packet.checksum == packet::ChecksumState::kPartial && turned.data() == packet.bytes.data()) {
    std::vector<uint8_t> finished(turned.begin(), turned.end());
    finish_checksum(finished, location);
    return send(finished, packet.ifindex);
  }
  return send(turned, packet.ifindex);
}

bool ReplySender::send(std::span<const uint8_t> bytes, uint32_t interface) {
  const std::span<const uint8_t> destination = destination_of(bytes);
  if (version_of(bytes) == 4) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    std::memcpy(&address.sin_addr, destination.data(), sizeof address.sin_addr);
    return sendto(ipv4_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                  sizeof address) >= 0;
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  std::memcpy(&address.sin6_addr, destination.data(), sizeof address.sin6_addr);
  if (IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr)) address.sin6_scope_id = interface;
  return sendto(ipv6_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                sizeof address) >= 0;
}

}  // namespace perilune::hooks::queue
