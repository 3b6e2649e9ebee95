#include "hooks/capture/reader.h"

#include <array>

#include "base/bytes.h"
#include "hooks/capture/formats.h"
#include "hooks/capture/input_buffer.h"

namespace perilune::hooks {

namespace {

constexpr size_t kMagicLength = 4;

struct Compression {
  std::string_view name;
  std::string_view magic;
  std::string_view command;
};

constexpr std::array kCompressions{
    Compression{"gzip", "\x1f\x8b", "zcat"},          Compression{"Zstandard", "\x28\xb5\x2f\xfd", "zstdcat"},
    Compression{"xz", "\xfd\x37\x7a\x58", "xzcat"},   Compression{"bzip2", "BZh", "bzcat"},
    Compression{"LZ4", "\x04\x22\x4d\x18", "lz4cat"},
};

Error not_a_capture(const std::string& name, std::string_view magic) {
  for (const Compression& compression : kCompressions) {
    if (!magic.starts_with(compression.magic)) continue;
    return {Fault::kInput, fmt::format("{} is compressed ({})", name, compression.name),
            fmt::format("unpack it on the way in: {} {} | perilune run SCRIPT -", compression.command,
                        name == "standard input" ? "FILE" : name)};
  }
  std::string bytes;
  for (const char byte : magic)
    bytes += fmt::format(" {:02x}", static_cast<unsigned char>(byte));
  return {
      Fault::kInput, fmt::format("{} is not a capture file: it begins with{}", name, bytes),
      "pcap and pcapng are read; Wireshark's editcap makes them from many others: editcap -F pcapng FILE NEW.pcapng"};
}

}  // namespace

Format recognise_format(const uint8_t* magic) {
  switch (read_be32(magic)) {
    case 0xa1b2c3d4:  // microseconds, big-endian
    case 0xd4c3b2a1:
    case 0xa1b23c4d:  // nanoseconds
    case 0x4d3cb2a1:
    case 0xa1b2cd34:  // longer record headers
    case 0x34cdb2a1:
      return Format::kPcap;
    case 0x0a0d0d0a:
      return Format::kPcapng;
    default:
      return Format::kUnknown;
  }
}

Error cut_error(const InputBuffer& input, const std::string& name, const std::string& what, uint64_t offset) {
  if (input.error()) {
    Error error = *input.error();
    error.message += fmt::format(", in {} at byte {}", what, offset);
    return error;
  }
  return {Fault::kInput,
          fmt::format("{}: cut in the middle of {} at byte {}: the file is incomplete", name, what, offset),
          {}};
}

Error damage_error(const std::string& name, const std::string& what, uint64_t offset, const std::string& reason) {
  return {Fault::kInput, fmt::format("{}: {} at byte {} is damaged: {}", name, what, offset, reason), {}};
}

Result<std::unique_ptr<CaptureReader>> open_capture(std::unique_ptr<ByteSource> source, std::string name) {
  InputBuffer input(std::move(source));
  const uint8_t* magic = input.peek(kMagicLength);
  if (magic == nullptr) {
    if (input.error()) return tl::make_unexpected(*input.error());
    const size_t length = input.available();
    if (length == 0) return input_error(fmt::format("{} is empty: not even a capture file's header", name));
    return input_error(
        fmt::format("{} is not a capture file: it has only {} byte{}", name, length, length == 1 ? "" : "s"));
  }
  switch (recognise_format(magic)) {
    case Format::kPcap:
      return open_pcap(std::move(input), std::move(name));
    case Format::kPcapng:
      return open_pcapng(std::move(input), std::move(name));
    case Format::kUnknown:
      break;
  }
  return tl::make_unexpected(not_a_capture(name, {reinterpret_cast<const char*>(magic), kMagicLength}));
}

}  // namespace perilune::hooks
