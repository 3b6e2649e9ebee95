// Link headers. Every step asks need() for the bytes it is about to read; need() says which of the two kinds of
// shortage it is: the frame on the wire was too short (malformed), or the capture kept too little of it (cut).
//
// Lengths that link headers carry are treated as Linux treats them: a PPPoE or 802.3 length beyond the frame is a lie
// (malformed), a smaller one cuts the content, so that padding and trailers are never taken for IP.
#include "packet/link_layer.h"

#include "base/bytes.h"

namespace perilune::packet {
namespace {

constexpr size_t kEthernetHeader = 14;
constexpr size_t kVlanTag = 4;
constexpr size_t kPppoeHeader = 6;
constexpr size_t kSnapHeader = 8;
constexpr size_t kSllHeader = 16;
constexpr size_t kSll2Header = 20;
constexpr size_t kFamilyHeader = 4;

constexpr uint16_t kPppIpv4 = 0x0021;
constexpr uint16_t kPppIpv6 = 0x0057;
/// What Linux writes into a cooked header's protocol field for an 802.2 frame.
constexpr uint16_t kCookedLlc = 0x0004;

class LinkReader {
 public:
  LinkReader(std::span<const uint8_t> captured, LinkLayer& found) : captured_(captured), found_(found) {}

  void ethernet() {
    if (!need(kEthernetHeader)) return;
    const uint16_t type = read_be16(at(12));
    found_.network = kEthernetHeader;
    return content(type, true);
  }

  void cooked(size_t header, size_t protocol_offset) {
    if (!need(header)) return;
    const uint16_t protocol = read_be16(at(protocol_offset));
    found_.network = header;
    if (protocol == kCookedLlc) return snap();
    return content(protocol, false);
  }

  /// BSD loopback: an address family of four bytes. `network_order` is false where the writer's byte order is unknown.
  void family(bool network_order) {
    if (!need(kFamilyHeader)) return;
    uint32_t family = read_be32(at(0));
    // Families are small numbers: in the wrong byte order they are huge.
    if (!network_order && family > 0xffff) family = read_le32(at(0));
    found_.network = kFamilyHeader;
    switch (family) {
      case 2:
        found_.kind = Network::kIpv4;
        break;
      case 10:  // AF_INET6 of Linux, Windows, the BSDs (24: NetBSD, OpenBSD; 28: FreeBSD), macOS
      case 23:
      case 24:
      case 28:
      case 30:
        found_.kind = Network::kIpv6;
        break;
      default:
        break;
    }
    return;
  }

  void raw(Network kind) {
    found_.kind = kind;
    return;
  }

 private:
  /// Are `length` bytes there from the place reached? If not, says why and stops there.
  bool need(size_t length) {
    const size_t wanted = found_.network + length;
    if (wanted <= captured_.size() && wanted <= found_.limit) return true;
    found_.kind = Network::kNotIp;
    (wanted > found_.limit ? found_.malformed : found_.cut) = true;
    return false;
  }

  [[nodiscard]] const uint8_t* at(size_t offset) const { return captured_.data() + found_.network + offset; }

  /// What an EtherType announces. `may_be_length`: small values are an 802.3 length.
  void content(uint16_t type, bool may_be_length) {
    while (type == ethertype::kVlan || type == ethertype::kProviderVlan || type == ethertype::kOldProviderVlan) {
      found_.ethertype = type;
      if (found_.vlan_tags == kMaxLinkTags) {
        found_.malformed = true;
        return;
      }
      if (!need(kVlanTag)) return;
      if (found_.vlan_tags == 0) found_.vlan = read_be16(at(0));
      ++found_.vlan_tags;
      type = read_be16(at(2));
      found_.network += kVlanTag;
    }
    if (type < ethertype::kSmallest && may_be_length) return ieee_802_3(type);
    found_.ethertype = type;
    return ip_or_pppoe(type);
  }

  void ip_or_pppoe(uint16_t type) {
    if (type == ethertype::kIpv4) {
      found_.kind = Network::kIpv4;
    } else if (type == ethertype::kIpv6) {
      found_.kind = Network::kIpv6;
    } else if (type == ethertype::kPppoeSession) {
      return pppoe();
    } else if (type == ethertype::kArp || type == ethertype::kReverseArp) {
      arp();
    }
    return;
  }

  /// RFC 826: what follows the addresses, whose lengths are in bytes 4 and 5, is padding.
  void arp() {
    constexpr size_t kFixed = 8;
    if (captured_.size() < found_.network + kFixed) return;
    const size_t length = kFixed + 2 * (size_t{*at(4)} + *at(5));
    if (length <= found_.limit - found_.network) found_.limit = found_.network + length;
  }

  /// RFC 2516: version and type, code, session, length (of the PPP frame), then PPP's protocol field. Version and code
  /// are not looked at, because Linux does not either: what it would deliver must reach the script.
  void pppoe() {
    if (found_.length_field != 0) return;  // inside an 802.3 frame: no protocol that is known
    if (!need(kPppoeHeader)) return;
    const size_t length = read_be16(at(4));
    if (length > found_.limit - found_.network - kPppoeHeader) {
      found_.malformed = true;
      return;
    }
    found_.network += kPppoeHeader;
    found_.length_field = static_cast<uint16_t>(found_.network - 2);
    found_.limit = found_.network + length;
    if (!need(1)) return;
    uint16_t protocol = *at(0);
    size_t size = 1;
    if ((protocol & 1) == 0) {  // not compressed (RFC 1661, 6.5): the low bit marks a field's last byte
      if (!need(2)) return;
      protocol = read_be16(at(0));
      size = 2;
    }
    found_.network += size;
    if (protocol == kPppIpv4) found_.kind = Network::kIpv4;
    if (protocol == kPppIpv6) found_.kind = Network::kIpv6;
    return;
  }

  /// An 802.3 frame: IP in it only after LLC and SNAP (RFC 1042). Others are not IP: where their length fits, what
  /// follows it is padding, and where it does not, that does not matter.
  void ieee_802_3(size_t length) {
    const size_t room = found_.limit - found_.network;
    if (length >= kSnapHeader && length <= room) {
      found_.length_field = static_cast<uint16_t>(found_.network - 2);
      found_.limit = found_.network + length;
      return snap();
    }
    if (room < kSnapHeader || captured_.size() < found_.network + kSnapHeader || !is_snap()) {
      if (length <= room) found_.limit = found_.network + length;
      return;
    }
    found_.malformed = true;  // SNAP whose 802.3 length is beyond the frame, or shorter than SNAP itself
    return;
  }

  [[nodiscard]] bool is_snap() const {
    const uint32_t oui = read_be32(at(2)) & 0x00ffffff;
    return at(0)[0] == 0xaa && at(0)[1] == 0xaa && at(0)[2] == 0x03 && (oui == 0 || oui == 0x0000f8);
  }

  /// LLC and SNAP: AA AA 03, organisation 00 00 00 (or 00 00 f8, 802.1H), EtherType.
  void snap() {
    if (found_.limit - found_.network < kSnapHeader) return;
    if (!need(kSnapHeader) || !is_snap()) return;
    const uint16_t type = read_be16(at(6));
    found_.network += kSnapHeader;
    return content(type, false);
  }

  std::span<const uint8_t> captured_;
  LinkLayer& found_;
};

}  // namespace

LinkLayer read_link_layer(std::span<const uint8_t> captured, size_t wire, LinkType link) {
  LinkLayer found;
  found.limit = wire;
  LinkReader reader(captured, found);
  switch (link) {
    case LinkType::kEthernet:
      reader.ethernet();
      break;
    case LinkType::kLinuxSll:
      reader.cooked(kSllHeader, 14);
      break;
    case LinkType::kLinuxSll2:
      reader.cooked(kSll2Header, 0);
      break;
    case LinkType::kNull:
      reader.family(false);
      break;
    case LinkType::kLoop:
      reader.family(true);
      break;
    case LinkType::kIpv4:
      reader.raw(Network::kIpv4);
      break;
    case LinkType::kIpv6:
      reader.raw(Network::kIpv6);
      break;
    case LinkType::kRaw:
    case LinkType::kRawOld:
    case LinkType::kRawOpenBsd:
      reader.raw(Network::kByNibble);
      break;
  }
  return found;
}

}  // namespace perilune::packet
