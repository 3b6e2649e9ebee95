#include "hooks/capture/packet_filter.h"

#include <algorithm>
#include <array>

#include <pcap/pcap.h>

#include "base/bytes.h"
#include "hooks/capture/link_types.h"
#include "hooks/capture/reader.h"

namespace perilune::hooks {

using packet::LinkType;

namespace {

constexpr std::array kLinkTypes{LinkType::kEthernet, LinkType::kRaw,  LinkType::kLinuxSll, LinkType::kLinuxSll2,
                                LinkType::kNull,     LinkType::kLoop, LinkType::kIpv4,     LinkType::kIpv6};
constexpr uint32_t kLargestFamily = 0xffff;
constexpr size_t kFamilyLength = 4;

/// libpcap's own number; they differ from those in files where systems disagreed before files were exchanged.
int pcap_link_type(LinkType link) {
  return link == LinkType::kRaw ? DLT_RAW : static_cast<int>(link);
}

struct CloseHandle {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};

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

  static Result<std::unique_ptr<Compiled>> compile(const std::string& expression, LinkType link) {
    const std::unique_ptr<pcap_t, CloseHandle> handle(pcap_open_dead(pcap_link_type(link), kMaxSnapLength));
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
  // all is an error now.
  std::optional<Error> first;
  for (const LinkType link : kLinkTypes) {
    auto compiled = Compiled::compile(expression, link);
    if (compiled) {
      filter.compiled_[link] = std::move(*compiled);
      return filter;
    }
    if (!first) first = std::move(compiled.error());
  }
  return tl::make_unexpected(std::move(*first));
}

Result<bool> PacketFilter::run(LinkType link, std::span<const uint8_t> bytes, size_t wire_length) {
  if (last_ == nullptr || last_link_ != link) {
    std::unique_ptr<Compiled>& compiled = compiled_[link];
    if (!compiled) {
      auto fresh = Compiled::compile(expression_, link);
      if (!fresh) return tl::make_unexpected(std::move(fresh.error()));
      compiled = std::move(*fresh);
    }
    last_ = compiled.get();
    last_link_ = link;
  }
  // BSD loopback has the address family in the byte order of the machine that captured, libpcap's program expects ours.
  if (link == LinkType::kNull && bytes.size() >= kFamilyLength && read_host<uint32_t>(bytes.data()) > kLargestFamily) {
    swapped_.assign(bytes.begin(), bytes.end());
    std::reverse(swapped_.begin(), swapped_.begin() + kFamilyLength);
    return last_->matches(swapped_, wire_length);
  }
  return last_->matches(bytes, wire_length);
}

}  // namespace perilune::hooks
