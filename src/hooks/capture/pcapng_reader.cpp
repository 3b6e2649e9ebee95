// pcapng: blocks of `type 4 | length 4 | body | length 4`, padded to 4 bytes; a section header block starts a section,
// with a byte order and interfaces of its own. Numbering of blocks and options as in draft-ietf-opsawg-pcapng.
#include <algorithm>
#include <vector>

#include "hooks/capture/byte_order.h"
#include "hooks/capture/formats.h"
#include "hooks/capture/link_types.h"
#include "hooks/capture/options.h"
#include "hooks/capture/time_scale.h"

namespace perilune::hooks {

namespace {

namespace block {
constexpr uint32_t kSectionHeader = 0x0a0d0d0a, kInterface = 1, kPacket = 2, kSimplePacket = 3, kEnhancedPacket = 6;
// Not packets, but Wireshark shows and numbers them among the packets.
constexpr uint32_t kJournal = 9, kSysdigEvent = 0x204, kSysdigEvent2 = 0x216, kSysdigEventLarge = 0x221,
                   kCustom = 0xbad, kCustomPrivate = 0x40000bad;
}  // namespace block
namespace option {
constexpr uint16_t kComment = 1, kInterfaceName = 2, kInterfaceDescription = 3, kTimeResolution = 9, kTimeOffset = 14,
                   kPacketFlags = 2;
}

constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr size_t kBlockHead = 8;      // type and length
constexpr size_t kBlockTail = 4;      // length again
constexpr size_t kSectionHead = 16;   // up to the version
constexpr size_t kSectionLeast = 28;  // a section header block without options
constexpr size_t kInterfaceLeast = 20;
constexpr uint32_t kBlockOverhead = 256 * 1024;  // what options may add to a packet
constexpr size_t kMaxInterfaces = 65536;         // of a section; the obsolete packet block can name no more

struct Interface {
  std::optional<packet::LinkType> link;  // nothing: cannot be judged
  uint32_t link_number = 0;
  uint32_t snap_length = 0;  // 0: no limit
  std::string name;
  TimeScale time;
  bool reported = false;  // that it cannot be judged
};

bool is_packet(uint32_t type) {
  return type == block::kEnhancedPacket || type == block::kSimplePacket || type == block::kPacket;
}

bool is_numbered(uint32_t type) {
  return is_packet(type) || type == block::kJournal || type == block::kSysdigEvent || type == block::kSysdigEvent2 ||
         type == block::kSysdigEventLarge || type == block::kCustom || type == block::kCustomPrivate;
}

/// Where the parts of a packet lie in its block; the three kinds of packet block differ in nothing else.
struct PacketParts {
  uint32_t interface = 0;
  uint32_t captured = 0;
  uint32_t wire = 0;
  std::span<const uint8_t> rest;  // packet bytes, padding, options
  std::optional<uint64_t> ticks;
};

class PcapngReader final : public CaptureReader {
 public:
  PcapngReader(InputBuffer input, std::string name) : input_(std::move(input)), name_(std::move(name)) {}

  Step next(CaptureRecord& record) override;
  [[nodiscard]] uint64_t position() const override { return input_.position(); }

 private:
  enum class Part : uint8_t { kNothing, kPacket, kUnreadable, kEnd, kBroken };

  [[nodiscard]] Part read_block(CaptureRecord& record);
  [[nodiscard]] Part start_section(const std::string& what);
  [[nodiscard]] Part read_interface(std::span<const uint8_t> body, const std::string& what);
  [[nodiscard]] Part read_packet(uint32_t type, std::span<const uint8_t> body, CaptureRecord& record);
  [[nodiscard]] bool split_packet(uint32_t type, std::span<const uint8_t> body, PacketParts& parts) const;
  [[nodiscard]] Part skip_block(uint32_t type, uint32_t length);
  /// The length at a block's end has to be that at its beginning.
  [[nodiscard]] Part check_tail(uint32_t type, uint32_t length, const uint8_t* tail);

  [[nodiscard]] std::string block_name(uint32_t type) const;
  Part broken(Error error) {
    broken_ = true;
    fail(Step::kBroken, std::move(error));
    return Part::kBroken;
  }
  Part unreadable(const std::string& reason) {
    fail(Step::kUnreadable, damage_error(name_, fmt::format("packet {}", number_), offset_, reason));
    return Part::kUnreadable;
  }

  InputBuffer input_;
  std::string name_;
  ByteOrder order_{false};
  std::vector<Interface> interfaces_;  // of this section
  uint64_t offset_ = 0;                // of the block under way
  uint64_t number_ = 0;                // of the last packet
  uint64_t time_ns_ = 0;               // of the last packet that had one
  bool broken_ = false;
};

std::string PcapngReader::block_name(uint32_t type) const {
  switch (type) {
    case block::kSectionHeader:
      return "a section header";
    case block::kInterface:
      return "an interface description";
    default:
      return is_packet(type) ? fmt::format("packet {}", number_) : fmt::format("a block of type {:#x}", type);
  }
}

CaptureReader::Step PcapngReader::next(CaptureRecord& record) {
  while (!broken_) {
    switch (read_block(record)) {
      case Part::kNothing:
        break;
      case Part::kPacket:
        return Step::kPacket;
      case Part::kUnreadable:
        return Step::kUnreadable;
      case Part::kEnd:
        return Step::kEnd;
      case Part::kBroken:
        return Step::kBroken;
    }
  }
  return Step::kEnd;
}

PcapngReader::Part PcapngReader::read_block(CaptureRecord& record) {
  offset_ = input_.position();
  const uint8_t* head = input_.peek(kBlockHead);
  if (head == nullptr) {
    if (input_.available() == 0 && !input_.error()) return Part::kEnd;
    return broken(cut_error(input_, name_, "a block", offset_));
  }
  const uint32_t type = order_.u32(head);
  if (is_numbered(type)) ++number_;
  if (type == block::kSectionHeader) {
    // Its length can only be read once its byte order is known.
    const Part part = start_section(block_name(type));
    if (part != Part::kNothing) return part;
    head = input_.peek(kBlockHead);
  }
  const uint32_t length = order_.u32(head + 4);
  if (length < kBlockHead + kBlockTail || length % 4 != 0) {
    return broken(
        damage_error(name_, block_name(type), offset_,
                     fmt::format("a block length of {} (12 or more, and a multiple of 4, is possible)", length)));
  }
  if (!is_packet(type) && type != block::kInterface) return skip_block(type, length);

  if (length > kMaxSnapLength + kBlockOverhead) {
    return broken(damage_error(name_, block_name(type), offset_,
                               fmt::format("a block length of {} bytes, more than any packet has", length)));
  }
  const uint8_t* whole = input_.peek(length);
  if (whole == nullptr) return broken(cut_error(input_, name_, block_name(type), offset_));
  const Part tail = check_tail(type, length, whole + length - kBlockTail);
  if (tail != Part::kNothing) return tail;
  const std::span body{whole + kBlockHead, length - kBlockHead - kBlockTail};
  const Part part =
      type == block::kInterface ? read_interface(body, block_name(type)) : read_packet(type, body, record);
  input_.consume(length);
  return part;
}

PcapngReader::Part PcapngReader::skip_block(uint32_t type, uint32_t length) {
  const uint8_t* tail = input_.skip(length - kBlockTail) ? input_.peek(kBlockTail) : nullptr;
  if (tail == nullptr) return broken(cut_error(input_, name_, block_name(type), offset_));
  const Part part = check_tail(type, length, tail);
  input_.consume(kBlockTail);
  return part;
}

PcapngReader::Part PcapngReader::check_tail(uint32_t type, uint32_t length, const uint8_t* tail) {
  const uint32_t again = order_.u32(tail);
  if (again == length) return Part::kNothing;
  return broken(damage_error(name_, block_name(type), offset_,
                             fmt::format("its length is {} at its beginning and {} at its end", length, again)));
}

/// Takes over byte order and version; the block itself is stepped over by the caller.
PcapngReader::Part PcapngReader::start_section(const std::string& what) {
  const uint8_t* head = input_.peek(kSectionHead);
  if (head == nullptr) return broken(cut_error(input_, name_, what, offset_));
  if (read_be32(head + kBlockHead) == kByteOrderMagic) {
    order_ = ByteOrder(true);
  } else if (read_le32(head + kBlockHead) == kByteOrderMagic) {
    order_ = ByteOrder(false);
  } else {
    return broken(damage_error(name_, what, offset_,
                               fmt::format("{:#010x} is no byte-order mark", read_be32(head + kBlockHead))));
  }
  const uint32_t length = order_.u32(head + 4);
  if (length < kSectionLeast) {
    return broken(damage_error(name_, what, offset_, fmt::format("a block length of {} (28 is the least)", length)));
  }
  const unsigned major = order_.u16(head + 12);
  const unsigned minor = order_.u16(head + 14);
  if (major != 1) {
    return broken({Fault::kInput,
                   fmt::format("{}: version {}.{} of the pcapng format, at byte {}, is not known (1.0 is)", name_,
                               major, minor, offset_),
                   {}});
  }
  interfaces_.clear();
  return Part::kNothing;
}

PcapngReader::Part PcapngReader::read_interface(std::span<const uint8_t> body, const std::string& what) {
  constexpr size_t kFixed = 8;
  if (body.size() < kFixed) {
    return broken(damage_error(name_, what, offset_, fmt::format("shorter than {} bytes", kInterfaceLeast)));
  }
  if (interfaces_.size() == kMaxInterfaces) {
    return broken(
        damage_error(name_, what, offset_, fmt::format("more than {} interfaces in one section", kMaxInterfaces)));
  }
  Interface interface;
  interface.link_number = order_.u16(body.data());
  interface.link = link_type_of(interface.link_number);
  interface.snap_length = order_.u32(body.data() + 4);
  uint8_t resolution = 6;
  int64_t offset_seconds = 0;
  std::string description;
  OptionReader options(body.subspan(kFixed), order_);
  while (const std::optional<Option> option = options.next()) {
    const std::string_view text{reinterpret_cast<const char*>(option->value.data()), option->value.size()};
    switch (option->code) {
      case option::kInterfaceName:
        interface.name = text.substr(0, text.find('\0'));
        break;
      case option::kInterfaceDescription:
        description = text.substr(0, text.find('\0'));
        break;
      case option::kTimeResolution:
        if (option->value.size() == 1) resolution = option->value[0];
        break;
      case option::kTimeOffset:
        if (option->value.size() == 8) offset_seconds = static_cast<int64_t>(order_.u64(option->value.data()));
        break;
      default:
        break;
    }
  }
  if (options.damaged()) return broken(damage_error(name_, what, offset_, "an option reaches beyond the block"));
  if (interface.name.empty()) interface.name = std::move(description);
  interface.time = TimeScale(resolution, offset_seconds);
  interfaces_.push_back(std::move(interface));
  return Part::kNothing;
}

/// False: the block is too short for its kind.
bool PcapngReader::split_packet(uint32_t type, std::span<const uint8_t> body, PacketParts& parts) const {
  constexpr size_t kSimpleFixed = 4;
  constexpr size_t kFixed = 20;  // of both other kinds
  const uint8_t* fixed = body.data();
  if (type == block::kSimplePacket) {
    if (body.size() < kSimpleFixed) return false;
    parts.rest = body.subspan(kSimpleFixed);
    parts.wire = order_.u32(fixed);
    parts.captured = parts.wire;
    if (!interfaces_.empty() && interfaces_[0].snap_length != 0) {
      parts.captured = std::min(parts.captured, interfaces_[0].snap_length);
    }
    return true;
  }
  if (body.size() < kFixed) return false;
  parts.rest = body.subspan(kFixed);
  parts.interface = type == block::kPacket ? order_.u16(fixed) : order_.u32(fixed);
  parts.ticks = (static_cast<uint64_t>(order_.u32(fixed + 4)) << 32) | order_.u32(fixed + 8);
  parts.captured = order_.u32(fixed + 12);
  parts.wire = order_.u32(fixed + 16);
  return true;
}

PcapngReader::Part PcapngReader::read_packet(uint32_t type, std::span<const uint8_t> body, CaptureRecord& record) {
  PacketParts parts;
  if (!split_packet(type, body, parts)) return unreadable("its block is too short for a packet block");
  if (parts.interface >= interfaces_.size()) {
    return unreadable(fmt::format("it came in on interface {}, but the section describes {} so far", parts.interface,
                                  interfaces_.size()));
  }
  if (parts.captured > parts.rest.size()) {
    return unreadable(
        fmt::format("a length of {} bytes in a block with room for {}", parts.captured, parts.rest.size()));
  }
  Interface& interface = interfaces_[parts.interface];
  if (parts.ticks) time_ns_ = interface.time.nanoseconds(*parts.ticks);
  if (!interface.link) {
    // Said once per interface; its other packets are counted by their numbers only.
    if (interface.reported) return Part::kNothing;
    interface.reported = true;
    fail(Step::kUnreadable,
         {Fault::kInput,
          fmt::format(
              "{}: packet {} at byte {} is of link type {}, which cannot be judged; all packets of interface {}{} "
              "are left out",
              name_, number_, offset_, interface.link_number, parts.interface,
              interface.name.empty() ? "" : " (" + interface.name + ")"),
          supported_link_types()});
    return Part::kUnreadable;
  }
  record = {};
  record.bytes = parts.rest.first(parts.captured);
  record.wire_length = std::max(parts.captured, parts.wire);
  record.link = *interface.link;
  record.interface = interface.name;
  record.time_ns = time_ns_;
  record.number = number_;
  if (type == block::kSimplePacket) return Part::kPacket;

  const size_t padded = (static_cast<size_t>(parts.captured) + 3) & ~size_t{3};
  if (padded >= parts.rest.size()) return Part::kPacket;
  OptionReader options(parts.rest.subspan(padded), order_);
  while (const std::optional<Option> option = options.next()) {
    if (option->code == option::kComment) {
      record.comments.emplace_back(reinterpret_cast<const char*>(option->value.data()), option->value.size());
    }
    if (option->code != option::kPacketFlags || option->value.size() != 4) continue;
    const uint32_t flags = order_.u32(option->value.data());
    if ((flags & kDirectionMask) == kFlagInbound) record.direction = packet::Direction::kIn;
    if ((flags & kDirectionMask) == kFlagOutbound) record.direction = packet::Direction::kOut;
  }
  // Its direction may be in what cannot be read: judging it by a guess would be wrong.
  if (options.damaged()) return unreadable("an option reaches beyond the block");
  return Part::kPacket;
}

}  // namespace

Result<std::unique_ptr<CaptureReader>> open_pcapng(InputBuffer input, std::string name) {
  return std::make_unique<PcapngReader>(std::move(input), std::move(name));
}

}  // namespace perilune::hooks
