// Any bytes as a packet: headers are found in order, and checksum repair, resizing and replies stay inside and keep
// their word.
//
// Input: a byte for the link type, two for how much the capture cut, two for edits, then the frame.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include "packet/checksum.h"
#include "packet/location.h"
#include "packet/reply.h"
#include "packet/resize.h"

namespace {

using namespace perilune::packet;

constexpr size_t kControl = 5;
constexpr uint16_t kLinkTypes[] = {1, 1, 1, 0, 12, 14, 101, 101, 108, 113, 228, 229, 276, 147};

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

void check_location(const Location& l, size_t captured) {
  require(l.network <= l.transport && l.transport <= l.payload && l.payload <= l.end && l.end <= captured, "order");
  require(l.version != 4 || l.network + 20U <= captured, "IPv4 header");
  require(l.version != 6 || l.network + 40U <= captured, "IPv6 header");
  require(!l.has_ports || l.transport + 4U <= captured, "ports");
  require(!l.has_transport || l.transport < l.payload, "transport header");
  require(!l.has_transport || l.malformed == Malformed::kNone, "transport header of a malformed packet");
  require(!l.first_fragment || l.fragment, "first fragment");
  require(static_cast<size_t>(l.malformed) < kMalformedKinds, "reason");
}

void check_repair(const std::vector<uint8_t>& before, const Location& l, LinkType link, uint8_t place, uint8_t value) {
  // Any byte may become any other: nothing outside the packet is touched.
  std::vector<uint8_t> after = before;
  if (!after.empty()) after[place % after.size()] ^= value;
  const Location located = locate(after, after.size(), link);
  check_location(located, after.size());
  repair_checksums(before, l, after, located, ChecksumState::kFinal);
  if (l.payload < l.end && l.malformed == Malformed::kNone && !l.truncated) {
    after = before;
    after[l.payload + place % (l.end - l.payload)] ^= value;
    // Another byte in the payload: right ones stay right, wrong ones wrong.
    repair_checksums(before, l, after, l, ChecksumState::kFinal);
    if (!checksum_unfinished(before, l)) {
      require(checksums_right(after, l) == checksums_right(before, l), "repair");
    }
    repair_checksums(before, l, after, l, ChecksumState::kPartial);
  }
}

void check_resize(const std::vector<uint8_t>& frame, const Location& l, LinkType link, size_t missing, size_t size) {
  std::vector<uint8_t> buffer = frame;
  buffer.resize(frame.size() + 300);
  size_t length = frame.size();
  Location location = l;
  const std::vector<uint8_t> payload(size, 0x5a);
  if (replace_payload(buffer, length, location, payload) != ResizeRefusal::kNone) {
    require(length == frame.size() && location.end == l.end, "refusal");
    return;
  }
  if (l.malformed != Malformed::kNone) return;
  const bool same_length = size == l.end - l.payload;  // then the frame is as it was, and so is what the capture cut
  const Location again = locate(std::span(buffer).first(length), same_length ? length + missing : length, link);
  require(again.malformed == Malformed::kNone || l.truncated, "resized packet");
  if (l.truncated) return;
  require(again.payload == location.payload && again.end == location.end, "resized location");
  const size_t wire = length;
  buffer.resize(wire);
  repair_checksums(frame, l, buffer, location, ChecksumState::kFinal);
  if (!location.fragment && !checksum_unfinished(frame, l)) {
    require(checksums_right(frame, l) == checksums_right(buffer, location), "resized checksums");
  }
}

void check_reply(const std::vector<uint8_t>& frame, const Location& l) {
  const std::vector<uint8_t> reply = reject_reply(frame, l);
  if (reply.empty()) return;
  const Location located = locate(reply, reply.size(), LinkType::kRaw);
  require(located.malformed == Malformed::kNone && located.has_transport, "reply");
  require(located.version == l.version, "reply's version");
  require(checksums_right(reply, located), "reply's checksums");
  require(reject_reply(reply, located).empty(), "a reply to a reply");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < kControl) return 0;
  const auto link = static_cast<LinkType>(kLinkTypes[data[0] % std::size(kLinkTypes)]);
  const size_t missing = data[1] < 128 ? 0 : size_t{data[1]} * data[2];
  const std::vector<uint8_t> frame(data + kControl, data + size);
  const Location l = locate(frame, frame.size() + missing, link);
  check_location(l, frame.size());
  if (l.truncated) require(missing != 0, "truncated");
  if (l.version != 0) (void)checksums_right(frame, l);
  if (missing == 0) check_repair(frame, l, link, data[3], data[4]);
  check_resize(frame, l, link, missing, data[3]);
  check_reply(frame, l);
  return 0;
}
