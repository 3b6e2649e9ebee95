#include "bench/packets.h"

#include <utility>

#include <fmt/format.h>

#include "hooks/capture/byte_source.h"
#include "hooks/capture/reader.h"

namespace perilune::bench {
namespace {

constexpr size_t kEthernetHeader = 14;
constexpr uint32_t kShortPayload = 255;  // what ssh.lua looks at

std::string kind_of(const packet::Location& location) {
  if (location.malformed != packet::Malformed::kNone) return "malformed";
  if (location.version == 0) return "not IP";
  if (location.fragment) return "fragment";
  const char* protocol = location.protocol == packet::protocol::kTcp   ? "TCP"
                         : location.protocol == packet::protocol::kUdp ? "UDP"
                                                                       : nullptr;
  if (protocol == nullptr) return "other IP";
  const uint32_t length = location.end - location.payload;
  return fmt::format("{}, {}", protocol,
                     length == 0               ? "no payload"
                     : length <= kShortPayload ? "up to 255 bytes"
                                               : "more than 255 bytes");
}

Result<void> read_file(const std::string& path, size_t longest, Packets& packets) {
  auto source = hooks::FileSource::open(path, nullptr);
  if (!source) return tl::make_unexpected(source.error());
  auto reader = hooks::open_capture(std::move(*source), path);
  if (!reader) return {};  // some captures of a collection are damaged on purpose, or of link types nobody reads
  const size_t before = packets.samples.size();
  hooks::CaptureRecord record;
  for (;;) {
    const auto step = (*reader)->next(record);
    if (step == hooks::CaptureReader::Step::kUnreadable) continue;
    if (step != hooks::CaptureReader::Step::kPacket) break;
    if (record.link != packet::LinkType::kEthernet || record.bytes.size() != record.wire_length ||
        record.bytes.size() < kEthernetHeader || record.bytes.size() > longest) {
      ++packets.skipped;
      continue;
    }
    Sample sample;
    sample.bytes.assign(record.bytes.begin(), record.bytes.end());
    sample.time_ns = record.time_ns;
    sample.origin = fmt::format("{} packet {}", path.substr(path.rfind('/') + 1), record.number);
    sample.location = packet::locate(sample.bytes, sample.bytes.size(), packet::LinkType::kEthernet);
    sample.kind = kind_of(sample.location);
    packets.samples.push_back(std::move(sample));
  }
  packets.files += packets.samples.size() > before ? 1 : 0;
  return {};
}

}  // namespace

Result<Packets> read_packets(const std::vector<std::string>& paths, size_t longest) {
  Packets packets;
  for (const std::string& path : paths) {
    if (auto done = read_file(path, longest, packets); !done) return tl::make_unexpected(done.error());
  }
  if (packets.samples.empty()) return input_error("none of the captures has whole Ethernet packets");
  return packets;
}

std::vector<const Sample*> spread(const std::vector<const Sample*>& samples, size_t most) {
  if (samples.size() <= most) return samples;
  std::vector<const Sample*> chosen;
  for (size_t i = 0; i < most; ++i)
    chosen.push_back(samples[i * samples.size() / most]);
  return chosen;
}

}  // namespace perilune::bench
