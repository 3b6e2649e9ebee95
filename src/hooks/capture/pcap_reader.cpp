// The classic format: a header of 24 bytes, then records of 16 (or 24) bytes of header and the packet.
//
//   magic 4 | major 2 | minor 2 | time zone 4 | accuracy 4 | snap length 4 | FCS length, flags and link type 4
//   seconds 4 | micro- or nanoseconds 4 | captured length 4 | length on the wire 4 [ifindex 4 | protocol 2 | type 1 |
//   1]
//
// Nothing marks the beginning of a record, so after a length that cannot be true there is no finding the next one.
#include <algorithm>

#include "hooks/capture/byte_order.h"
#include "hooks/capture/formats.h"
#include "hooks/capture/link_types.h"

namespace perilune::hooks {

namespace {

constexpr size_t kFileHeader = 24;
constexpr size_t kRecordHeader = 16;
constexpr size_t kExtendedRecordHeader = 24;
constexpr uint32_t kMagicNanoseconds = 0xa1b23c4d;
constexpr uint32_t kMagicExtended = 0xa1b2cd34;
// Above these bits: FCS length in 16-bit units and whether it is known. A frame check sequence is padding to us.
constexpr uint32_t kLinkTypeMask = 0x03ffffff;
constexpr uint8_t kPacketOutgoing = 4;

struct PcapLayout {
  ByteOrder order{false};
  bool extended = false;               // longer record headers
  uint32_t fraction_ns = 1000;         // nanoseconds per unit of the time stamp's second half
  bool lengths_swapped = false;        // before version 2.3 the two lengths stood the other way round
  bool lengths_maybe_swapped = false;  // 2.3 was written both ways
  uint32_t limit = kMaxPacketLength;
  packet::LinkType link = packet::LinkType::kEthernet;
};

class PcapReader final : public CaptureReader {
 public:
  PcapReader(InputBuffer input, std::string name, const PcapLayout& layout)
      : input_(std::move(input)), name_(std::move(name)), layout_(layout) {}

  Step next(CaptureRecord& record) override;
  [[nodiscard]] uint64_t position() const override { return input_.position(); }

 private:
  [[nodiscard]] std::string packet_name() const { return fmt::format("packet {}", number_); }

  InputBuffer input_;
  std::string name_;
  PcapLayout layout_;
  uint64_t number_ = 0;
  bool broken_ = false;
};

CaptureReader::Step PcapReader::next(CaptureRecord& record) {
  if (broken_) return Step::kEnd;
  const uint64_t offset = input_.position();
  const size_t header_length = layout_.extended ? kExtendedRecordHeader : kRecordHeader;
  const uint8_t* header = input_.peek(header_length);
  if (header == nullptr && input_.available() == 0 && !input_.error()) return Step::kEnd;
  ++number_;
  if (header == nullptr) {
    broken_ = true;
    return fail(Step::kBroken, cut_error(input_, name_, packet_name(), offset));
  }
  const ByteOrder order = layout_.order;
  const uint64_t seconds = order.u32(header);
  const uint64_t fraction = order.u32(header + 4);
  uint32_t captured = order.u32(header + 8);
  uint32_t wire = order.u32(header + 12);
  if (layout_.lengths_swapped || (layout_.lengths_maybe_swapped && captured > wire)) std::swap(captured, wire);
  if (captured > layout_.limit) {
    broken_ = true;
    return fail(Step::kBroken,
                damage_error(name_, packet_name(), offset,
                             fmt::format("a length of {} bytes, but no packet of this file has more than {}", captured,
                                         layout_.limit)));
  }
  // A file header taken for a record has both lengths 0 (its time zone and accuracy): judging it would make up a
  // packet.
  if (captured == 0 && wire == 0 && recognise_format(header) == Format::kPcap) {
    broken_ = true;
    return fail(Step::kBroken, {Fault::kInput, fmt::format("{}: another capture file begins at byte {}", name_, offset),
                                "pcap files cannot simply be put together: name them one by one, or use mergecap"});
  }
  const uint8_t* whole = input_.peek(header_length + captured);
  if (whole == nullptr) {
    broken_ = true;
    return fail(Step::kBroken, cut_error(input_, name_, packet_name(), offset));
  }
  record = {};
  record.bytes = {whole + header_length, captured};
  record.wire_length = std::max(captured, wire);
  record.link = layout_.link;
  record.time_ns = seconds * 1'000'000'000 + fraction * layout_.fraction_ns;
  record.number = number_;
  if (layout_.extended) {
    record.ifindex = order.u32(whole + kRecordHeader);
    record.direction = whole[kRecordHeader + 6] == kPacketOutgoing ? packet::Direction::kOut : packet::Direction::kIn;
  }
  input_.consume(header_length + captured);
  return Step::kPacket;
}

}  // namespace

Result<std::unique_ptr<CaptureReader>> open_pcap(InputBuffer input, std::string name) {
  const uint8_t* header = input.peek(kFileHeader);
  if (header == nullptr) return tl::make_unexpected(cut_error(input, name, "the header", 0));
  PcapLayout layout;
  layout.order = ByteOrder(header[0] == 0xa1);
  const uint32_t magic = layout.order.u32(header);
  layout.extended = magic == kMagicExtended;
  if (magic == kMagicNanoseconds) layout.fraction_ns = 1;
  const unsigned major = layout.order.u16(header + 4);
  const unsigned minor = layout.order.u16(header + 6);
  if (major != 2 || minor > 4) {
    return input_error(
        fmt::format("{}: version {}.{} of the pcap format is not known (2.4 is the last)", name, major, minor),
        "if Wireshark reads it: editcap -F pcapng FILE NEW.pcapng");
  }
  layout.lengths_swapped = minor < 3;
  layout.lengths_maybe_swapped = minor == 3;
  layout.limit = std::clamp(layout.order.u32(header + 16), kMaxPacketLength, kMaxSnapLength);
  const uint32_t number = layout.order.u32(header + 20) & kLinkTypeMask;
  const std::optional<packet::LinkType> link = link_type_of(number);
  if (!link) {
    return input_error(fmt::format("{}: its packets are of link type {}, which cannot be judged", name, number),
                       supported_link_types());
  }
  layout.link = *link;
  input.consume(kFileHeader);
  return std::make_unique<PcapReader>(std::move(input), std::move(name), layout);
}

}  // namespace perilune::hooks
