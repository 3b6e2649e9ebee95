// Writes judged packets as pcapng, the verdict in each packet's comment (shown by Wireshark as packet comment).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "packet/packet.h"

namespace perilune::hooks {

/// One section; one interface description for each pair of link type and interface name, in order of appearance; times
/// in nanoseconds; direction in the packet's flags (a forwarded packet has none there). Anything that cannot be written
/// is an error at once, and again at close(): a full disk is never passed over.
class PcapngWriter {
 public:
  /// Creates or empties the file `path`; "-" is standard output, refused when that is a terminal. `inputs` are the
  /// files about to be read: writing over one of them, or over a Lua file, is refused before anything is lost.
  [[nodiscard]] static Result<std::unique_ptr<PcapngWriter>> create(const std::string& path,
                                                                    std::span<const std::string> inputs = {});
  ~PcapngWriter();
  PcapngWriter(const PcapngWriter&) = delete;
  PcapngWriter& operator=(const PcapngWriter&) = delete;

  /// `bytes`: the frame to write, `packet.bytes` or what a script made of it; the length on the wire grows and shrinks
  /// with it. `kept`: comments the packet had, which come first. An empty comment is left out; one above 65,535 bytes
  /// is cut.
  [[nodiscard]] Result<void> write(const packet::Packet& packet, std::span<const uint8_t> bytes,
                                   std::string_view comment, std::span<const std::string_view> kept = {});
  /// What is held back goes to the file, for who reads it meanwhile.
  [[nodiscard]] Result<void> flush();
  /// Everything written, the file closed. Without it the destructor writes what it can, and errors are lost.
  [[nodiscard]] Result<void> close();

 private:
  PcapngWriter(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}

  [[nodiscard]] uint32_t interface_of(const packet::Packet& packet);
  void add_section_header();
  void add_interface(packet::LinkType link, std::string_view name);

  std::string name_;
  int fd_;  // owned, -1 once closed; not a FileDescriptor because what close() returns matters
  std::vector<uint8_t> buffer_;
  std::map<packet::LinkType, std::map<std::string, uint32_t, std::less<>>> interfaces_;
  uint32_t interface_count_ = 0;
  packet::LinkType last_link_ = packet::LinkType::kEthernet;
  std::string last_interface_;
  uint32_t last_index_ = UINT32_MAX;  // none yet
  std::string failure_;               // the first one, repeated ever after
};

}  // namespace perilune::hooks
