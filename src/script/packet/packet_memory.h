// One packet under a script's hands: shown without a copy, copied at the first write, committed or forgotten as a
// whole.
//
//   begin() ── the hook's bytes, read only ── first write ──► the edit buffer ── commit() ──► checksums right,
//   Decision::bytes
//
// What the hook gave is never written, so a script error, or a verdict that drops the packet, needs no undoing.
// Knows no Lua function; luadata::Memory is how views find the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "luadata/memory.h"
#include "packet/location.h"
#include "packet/packet.h"
#include "packet/record.h"
#include "packet/resize.h"

namespace perilune::script {

class PacketMemory {
 public:
  /// `memory` must outlive this object; views are made of it.
  explicit PacketMemory(luadata::Memory& memory);
  ~PacketMemory();
  PacketMemory(const PacketMemory&) = delete;
  PacketMemory& operator=(const PacketMemory&) = delete;

  /// Shows `packet` until end(); both are borrowed until commit().
  void begin(const packet::Packet& packet, const packet::Location& location);
  /// Cuts all views off. The bytes of a commit stay valid until the next begin().
  void end();

  [[nodiscard]] const packet::Packet& packet() const { return *packet_; }
  /// What is known of the packet: made when it is first asked for.
  [[nodiscard]] pl_packet& record() {
    if (!recorded_) make_record();
    return record_;
  }
  [[nodiscard]] luadata::Memory& memory() { return *memory_; }
  /// Changes with each packet: what was made for an earlier one is gone.
  [[nodiscard]] uint64_t generation() const { return memory_->generation; }
  struct Range {
    size_t offset;
    size_t length;
  };
  /// The payload of the bytes as they are now; for a frame without IP, all after the link header.
  [[nodiscard]] Range payload() const;
  /// What is before it, from the IP header on; empty for a frame without IP.
  [[nodiscard]] Range headers() const;
  [[nodiscard]] bool shown() const { return memory_->bytes != nullptr; }

  void set_mark(uint32_t mark) {
    record().mark = mark;
    record_.mark_set = 1;
  }

  /// Replaces the payload, lengths in the headers included. `payload` may be part of the packet.
  [[nodiscard]] packet::ResizeRefusal replace_payload(std::span<const uint8_t> payload);

  /// Fills modified, bytes, mark_set and mark of `decision`, checksums repaired. When what the script wrote makes the
  /// packet malformed, says how and leaves `decision` as it was.
  [[nodiscard]] packet::Malformed commit(packet::Decision& decision);

 private:
  static bool before_write(luadata::Memory& memory, void* context);
  void copy();
  void make_record();
  [[nodiscard]] size_t wire_length() const;

  luadata::Memory* memory_;
  const packet::Packet* packet_ = nullptr;
  packet::Location arrived_;
  packet::Location current_;
  pl_packet record_{};
  bool recorded_ = false;
  bool resized_ = false;
  size_t capacity_;
  std::unique_ptr<uint8_t[]> buffer_;
};

}  // namespace perilune::script
