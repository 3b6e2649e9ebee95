// Capture files made byte by byte, in either byte order, for the tests of the capture hook.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "hooks/capture/reader.h"

namespace perilune::hooks::test {

using Bytes = std::vector<uint8_t>;

inline Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

/// Appends integers in the byte order of the file under construction.
class Builder {
 public:
  explicit Builder(bool big_endian) : big_endian_(big_endian) {}

  Builder& number(uint64_t value, size_t size) {
    for (size_t i = 0; i < size; ++i) {
      const size_t shift = 8 * (big_endian_ ? size - 1 - i : i);
      bytes_.push_back(static_cast<uint8_t>(value >> shift));
    }
    return *this;
  }
  Builder& u16(uint64_t value) { return number(value, 2); }
  Builder& u32(uint64_t value) { return number(value, 4); }
  Builder& u64(uint64_t value) { return number(value, 8); }
  Builder& raw(std::span<const uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Builder& padded(std::span<const uint8_t> bytes) {
    raw(bytes);
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
    return *this;
  }

  // pcap
  Builder& pcap_header(uint32_t magic, uint32_t link, uint32_t snap_length = 65535, unsigned minor = 4) {
    return u32(magic).u16(2).u16(minor).u32(0).u32(0).u32(snap_length).u32(link);
  }
  Builder& pcap_record(uint32_t seconds, uint32_t fraction, std::span<const uint8_t> bytes, uint32_t wire = 0) {
    return u32(seconds).u32(fraction).u32(bytes.size()).u32(wire == 0 ? bytes.size() : wire).raw(bytes);
  }

  // pcapng
  Builder& block(uint32_t type, std::span<const uint8_t> body) {
    const size_t length = 12 + (body.size() + 3) / 4 * 4;
    return u32(type).u32(length).padded(body).u32(length);
  }
  Builder& section(unsigned major = 1) {
    return block(0x0a0d0d0a, nested().u32(0x1a2b3c4d).u16(major).u16(0).u64(UINT64_MAX).bytes_);
  }
  Builder& option(uint16_t code, std::span<const uint8_t> value) { return u16(code).u16(value.size()).padded(value); }
  Builder& interface(uint16_t link, std::span<const uint8_t> options = {}, uint32_t snap_length = 0) {
    return block(1, nested().u16(link).u16(0).u32(snap_length).raw(options).bytes_);
  }
  Builder& enhanced(uint32_t interface, uint64_t ticks, std::span<const uint8_t> bytes,
                    std::span<const uint8_t> options = {}, uint32_t wire = 0) {
    return block(6, nested()
                        .u32(interface)
                        .u32(ticks >> 32)
                        .u32(ticks & UINT32_MAX)
                        .u32(bytes.size())
                        .u32(wire == 0 ? bytes.size() : wire)
                        .padded(bytes)
                        .raw(options)
                        .bytes_);
  }
  Builder& simple(uint32_t wire, std::span<const uint8_t> bytes) {
    return block(3, nested().u32(wire).raw(bytes).bytes_);
  }
  Builder& obsolete(uint16_t interface, uint64_t ticks, std::span<const uint8_t> bytes,
                    std::span<const uint8_t> options = {}) {
    return block(2, nested()
                        .u16(interface)
                        .u16(7)
                        .u32(ticks >> 32)
                        .u32(ticks & UINT32_MAX)
                        .u32(bytes.size())
                        .u32(bytes.size())
                        .padded(bytes)
                        .raw(options)
                        .bytes_);
  }

  [[nodiscard]] Builder nested() const { return Builder(big_endian_); }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  [[nodiscard]] size_t size() const { return bytes_.size(); }

 private:
  bool big_endian_;
  Bytes bytes_;
};

/// What a reader said, copied out of it.
struct ReadPacket {
  Bytes bytes;
  size_t wire_length = 0;
  packet::LinkType link = packet::LinkType::kEthernet;
  std::optional<packet::Direction> direction;
  std::string interface;
  uint32_t ifindex = 0;
  uint64_t time_ns = 0;
  uint64_t number = 0;
};
struct ReadCapture {
  std::vector<ReadPacket> packets;
  std::vector<std::string> unreadable;  // messages
  std::string error;                    // of the open or the end; empty: read to its end
  std::string hint;
};

inline ReadCapture read_all(std::unique_ptr<ByteSource> source, const std::string& name = "x.pcap") {
  using Step = CaptureReader::Step;
  ReadCapture all;
  auto reader = open_capture(std::move(source), name);
  if (!reader) {
    all.error = reader.error().message;
    all.hint = reader.error().hint;
    return all;
  }
  CaptureRecord record;
  while (true) {
    const Step step = (*reader)->next(record);
    if (step == Step::kPacket) {
      all.packets.push_back({{record.bytes.begin(), record.bytes.end()},
                             record.wire_length,
                             record.link,
                             record.direction,
                             std::string(record.interface),
                             record.ifindex,
                             record.time_ns,
                             record.number});
    } else if (step == Step::kUnreadable) {
      all.unreadable.push_back((*reader)->error().message);
      all.hint = (*reader)->error().hint;
    } else {
      if (step == Step::kBroken) {
        all.error = (*reader)->error().message;
        all.hint = (*reader)->error().hint;
      }
      // The end is the end, however often it is asked for.
      EXPECT_EQ((*reader)->next(record), Step::kEnd);
      return all;
    }
  }
}
inline ReadCapture read_bytes(std::span<const uint8_t> bytes, size_t piece = SIZE_MAX) {
  return read_all(std::make_unique<MemorySource>(bytes, piece));
}

/// A folder of the test's own, gone with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "perilune-capture-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string write(const std::string& name, std::span<const uint8_t> bytes) const {
    std::ofstream out(path_ / name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

inline std::filesystem::path shared_folder() {
  const char* folder = std::getenv("PERILUNE_SHARED");
  return folder != nullptr ? std::filesystem::path(folder) : std::filesystem::path(PERILUNE_SOURCE_DIR) / "../shared";
}

}  // namespace perilune::hooks::test
