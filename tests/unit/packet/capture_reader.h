// A minimal reader of well-formed captures, for tests that want real packets. The real one is in the capture hook.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "packet/location.h"

namespace perilune::packet {

struct CapturedFrame {
  std::vector<uint8_t> bytes;
  size_t wire_length = 0;
  LinkType link = LinkType::kEthernet;
};

inline std::filesystem::path shared_captures() {
  const char* shared = std::getenv("PERILUNE_SHARED");
  return std::filesystem::path(shared != nullptr ? shared : PERILUNE_SOURCE_DIR "/../shared") / "captures";
}

class CaptureReader {
 public:
  explicit CaptureReader(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    data_.assign(std::istreambuf_iterator<char>(file), {});
    constexpr uint32_t kPcapng = 0x0a0d0d0a;
    if (data_.size() < 24) return;
    if (read_be32(data_.data()) == kPcapng) {
      read_pcapng();
    } else {
      read_pcap();
    }
  }
  [[nodiscard]] const std::vector<CapturedFrame>& frames() const { return frames_; }

 private:
  [[nodiscard]] uint32_t u32(size_t offset) const {
    return big_ ? read_be32(data_.data() + offset) : read_le32(data_.data() + offset);
  }
  [[nodiscard]] uint16_t u16(size_t offset) const {
    return big_ ? read_be16(data_.data() + offset) : read_le16(data_.data() + offset);
  }
  void add(size_t offset, size_t captured, size_t wire, uint16_t link) {
    const auto begin = data_.begin() + static_cast<std::ptrdiff_t>(offset);
    frames_.push_back({{begin, begin + static_cast<std::ptrdiff_t>(captured)}, wire, static_cast<LinkType>(link)});
  }

  void read_pcap() {
    big_ = data_[0] == 0xa1;
    const uint16_t link = big_ ? u16(22) : u16(20);
    for (size_t at = 24; at + 16 <= data_.size();) {
      const size_t captured = u32(at + 8);
      if (at + 16 + captured > data_.size()) return;
      add(at + 16, captured, u32(at + 12), link);
      at += 16 + captured;
    }
  }

  void read_pcapng() {
    std::vector<uint16_t> links;
    for (size_t at = 0; at + 12 <= data_.size();) {
      if (read_be32(&data_[at]) == 0x0a0d0d0a) {
        big_ = data_[at + 8] == 0x1a;
        links.clear();
      }
      const uint32_t type = u32(at);
      const size_t length = u32(at + 4);
      if (length < 12 || at + length > data_.size()) return;
      if (type == 1) links.push_back(u16(at + 8));
      if (type == 6) add(at + 28, u32(at + 20), u32(at + 24), links.at(u32(at + 8)));
      if (type == 3) add(at + 12, std::min<size_t>(u32(at + 8), length - 16), u32(at + 8), links.at(0));
      at += length;
    }
  }

  std::vector<uint8_t> data_;
  std::vector<CapturedFrame> frames_;
  bool big_ = false;
};

/// All frames of all captures in the shared folder; empty when there is none.
inline const std::vector<CapturedFrame>& all_captured_frames() {
  static const std::vector<CapturedFrame> frames = [] {
    std::vector<CapturedFrame> all;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(shared_captures(), error)) {
      const auto extension = entry.path().extension();
      if (extension != ".pcap" && extension != ".pcapng") continue;
      const CaptureReader reader(entry.path());
      all.insert(all.end(), reader.frames().begin(), reader.frames().end());
    }
    return all;
  }();
  return frames;
}

}  // namespace perilune::packet
