// The packets of capture files, for tests: no more of pcap and pcapng than the captures at hand need.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace perilune::bpf {

struct CapturedPacket {
  std::string file;
  size_t number = 0;  // from 1
  uint32_t link_type = 0;
  std::vector<uint8_t> bytes;
};

class CapturePackets {
 public:
  /// All of the folder's *.pcap and *.pcapng, in the order of their names.
  /// Those of the repository, and of a folder of more beside it when there is one.
  static std::vector<CapturedPacket> all() {
    std::vector<std::filesystem::path> files;
    for (const std::filesystem::path folder :
         {PERILUNE_SOURCE_DIR "/examples/captures", PERILUNE_SOURCE_DIR "/../shared/captures"}) {
      if (!std::filesystem::is_directory(folder)) continue;
      for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == ".pcap" || entry.path().extension() == ".pcapng") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    CapturePackets packets;
    for (const auto& file : files)
      packets.read(file);
    return std::move(packets.packets_);
  }

 private:
  void read(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    const std::vector<uint8_t> data{std::istreambuf_iterator<char>(stream), {}};
    if (data.size() < 24) return;
    file_ = path.filename();
    number_ = 0;
    const uint32_t magic = read_le32(data.data());
    if (magic == 0x0a0d0d0a) return blocks(data);
    big_endian_ = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
    const uint32_t link = u32(data.data() + 20) & 0xffffU;
    for (size_t at = 24; at + 16 <= data.size();) {
      const size_t length = u32(data.data() + at + 8);
      if (length > data.size() - at - 16) return;
      add(link, data.data() + at + 16, length);
      at += 16 + length;
    }
  }

  void blocks(const std::vector<uint8_t>& data) {
    std::vector<uint32_t> links;
    for (size_t at = 0; at + 12 <= data.size();) {
      const uint8_t* block = data.data() + at;
      if (read_le32(block) == 0x0a0d0d0a) {
        big_endian_ = read_le32(block + 8) != 0x1a2b3c4d;
        links.clear();
      }
      const uint32_t type = u32(block);
      const size_t length = u32(block + 4);
      if (length < 12 || length > data.size() - at) return;
      if (type == 1) links.push_back(big_endian_ ? read_be16(block + 8) : read_le16(block + 8));
      if (type == 6 && length >= 32) {
        const uint32_t interface = u32(block + 8);
        const size_t captured = u32(block + 20);
        if (interface < links.size() && captured <= length - 32) add(links[interface], block + 28, captured);
      }
      at += length;
    }
  }

  [[nodiscard]] uint32_t u32(const uint8_t* p) const { return big_endian_ ? read_be32(p) : read_le32(p); }

  void add(uint32_t link, const uint8_t* bytes, size_t length) {
    packets_.push_back({file_, ++number_, link, {bytes, bytes + length}});
  }

  std::vector<CapturedPacket> packets_;
  std::string file_;
  size_t number_ = 0;
  bool big_endian_ = false;
};

}  // namespace perilune::bpf
