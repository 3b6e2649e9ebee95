#include "hooks/capture/packet_filter.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include <pcap/pcap.h>

#include "base/bytes.h"
#include "hooks/capture/reader.h"

namespace perilune::hooks {

using packet::LinkType;

namespace {

constexpr std::array kLinkTypes{LinkType::kEthernet, LinkType::kRaw,       LinkType::kLinuxSll, LinkType::kLinuxSll2,
                                LinkType::kNull,     LinkType::kLoop,      LinkType::kIpv4,     LinkType::kIpv6,
                                LinkType::kRawOld,   LinkType::kRawOpenBsd};
constexpr uint32_t kLargestFamily = 0xffff;
constexpr size_t kFamilyLength = 4;

struct CloseHandle {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};

using FileHeader = std::array<uint8_t, 24>;
using Handle = std::unique_ptr<pcap_t, CloseHandle>;

/// The header of a pcap file of that link type, written by a machine of this byte order or the other.
FileHeader file_header(LinkType link, bool swapped) {
  FileHeader header{};
  const auto put = [&](size_t at, auto value) {
    std::memcpy(header.data() + at, &value, sizeof value);
    if (swapped) std::reverse(header.begin() + at, header.begin() + at + sizeof value);
  };
  put(0, uint32_t{0xa1b2c3d4});
  put(4, uint16_t{2});
  put(6, uint16_t{4});
  put(16, kMaxPacketLength);
  put(20, static_cast<uint32_t>(link));
  return header;
}

/// What libpcap makes of a file that is only a header, which has to outlive it. Not pcap_open_dead(): with that libpcap
/// takes packets to be live ones of this system, and compiles "inbound" to code that only the kernel can run, and IPv6
/// on BSD loopback to Linux's number for it.
Handle open_empty_file(std::span<uint8_t> header) {
  FILE* file = fmemopen(header.data(), header.size(), "rb");
  if (file == nullptr) return nullptr;
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  Handle handle(pcap_fopen_offline(file, reason.data()));
  if (!handle) fclose(file);
  return handle;
}

Error filter_error(const std::string& expression, LinkType link, const char* reason) {
  return {Fault::kInput,
          fmt::format("the filter expression '{}' cannot be used on {} packets: {}", expression,
                      packet::link_type_name(link), reason),
          "its language is described in pcap-filter(7), for example: -f 'tcp port 22 and host 192.0.2.1'"};
}

}  // namespace

class PacketFilter::Compiled {
 public:
  Compiled() = default;
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;
  ~Compiled() { pcap_freecode(&program_); }

  static Result<std::unique_ptr<Compiled>> compile(const std::string& expression, LinkType link, bool swapped) {
    FileHeader header = file_header(link, swapped);
    const Handle handle = open_empty_file(header);
    if (!handle) return system_error("cannot compile the filter expression: no memory");
    auto compiled = std::make_unique<Compiled>();
    if (pcap_compile(handle.get(), &compiled->program_, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
      return tl::make_unexpected(filter_error(expression, link, pcap_geterr(handle.get())));
    }
    return compiled;
  }

  [[nodiscard]] bool matches(std::span<const uint8_t> bytes, size_t wire_length) const {
    pcap_pkthdr header{};
    header.caplen = static_cast<bpf_u_int32>(bytes.size());
    header.len = static_cast<bpf_u_int32>(wire_length);
    return pcap_offline_filter(&program_, &header, bytes.data()) != 0;
  }

 private:
  bpf_program program_{};
};

PacketFilter::PacketFilter(std::string expression) : expression_(std::move(expression)) {}
PacketFilter::PacketFilter(PacketFilter&&) noexcept = default;
PacketFilter& PacketFilter::operator=(PacketFilter&&) noexcept = default;
PacketFilter::~PacketFilter() = default;

Result<PacketFilter> PacketFilter::create(const std::string& expression) {
  PacketFilter filter(expression);
  if (expression.empty()) return filter;
  // What is wrong for Ethernet may be right for the files to come ("inbound" on Linux cooked): only what is wrong for
  // all is an error now. All are compiled now because names are looked up for it, which takes files and sockets that
  // a process that judges packets has no access to.
  bool any = false;
  for (const LinkType link : kLinkTypes) {
    for (const bool swapped : {false, true}) {
      if (swapped && link != LinkType::kNull) continue;
      auto compiled = Compiled::compile(expression, link, swapped);
      any = any || compiled;
      filter.compiled_.emplace(Key{link, swapped}, std::move(compiled));
    }
  }
  if (!any) return tl::make_unexpected(filter.compiled_.at({kLinkTypes.front(), false}).error());
  return filter;
}

Result<bool> PacketFilter::run(LinkType link, std::span<const uint8_t> bytes, size_t wire_length) {
  // BSD loopback has the address family in the byte order of the machine that captured.
  const bool swapped =
      link == LinkType::kNull && bytes.size() >= kFamilyLength && read_host<uint32_t>(bytes.data()) > kLargestFamily;
  const Key key{link, swapped};
  if (last_ == nullptr || last_key_ != key) {
    const auto found = compiled_.find(key);
    if (found == compiled_.end()) return system_error("the filter expression was not compiled for this link type");
    if (!found->second) return tl::make_unexpected(found->second.error());
    last_ = found->second->get();
    last_key_ = key;
  }
  return last_->matches(bytes, wire_length);
}

}  // namespace perilune::hooks
