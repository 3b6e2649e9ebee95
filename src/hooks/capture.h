// The hook `capture`: packets of pcap and pcapng files, one after the other, through a worker.
//
// What a packet's direction is: the file's word (flags of a pcapng packet, else the packet type of a Linux cooked
// header), else the option. Its interface: the name (else the description) in the pcapng, else the option. Packets are
// numbered as Wireshark does, within their file, those that the filter expression leaves out included. Raw IP captures
// have no frame (Packet::has_frame).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "packet/packet.h"

namespace perilune::hooks {

struct CaptureOptions {
  std::vector<std::string> files;                        // "-" is standard input
  std::string filter;                                    // a pcap-filter(7) expression; empty: all
  std::string interface;                                 // for packets whose file names none
  packet::Direction direction = packet::Direction::kIn;  // for packets whose file has none
  const std::atomic<bool>* stop = nullptr;               // set: end after the packet under way
  /// After a file was opened, before a byte of it is read: is another one opened later? Nothing else is, so that the
  /// caller can be confined (confinement.h).
  std::function<void(bool another)> opened;
};

class CaptureObserver {
 public:
  virtual ~CaptureObserver() = default;
  /// Before on_packet(), when the file has comments on that packet. They are borrowed until then.
  virtual void on_comments(std::span<const std::string_view> /*comments*/) {}
  /// After each judged packet. `file` is as the user named it.
  virtual void on_packet(const std::string& file, const packet::Packet& packet, const packet::Decision& decision) = 0;
  /// About every 64 KiB read. `total` is 0 when unknown (standard input).
  virtual void on_progress(uint64_t bytes_done, uint64_t bytes_total) = 0;
  /// Something could not be read: a file (the next one follows), its end, or single packets (the next one follows;
  /// after ten a file they are only counted). The message names file, packet and byte.
  virtual void on_broken(const Error& error) = 0;
};

/// Judges all packets of all files in constant memory. Fails only for the filter expression: at once when it is wrong
/// everywhere, at the first packet of a link type it does not fit otherwise. `false`: on_broken() was called.
[[nodiscard]] Result<bool> judge_captures(const CaptureOptions& options, engine::PacketWorker& worker,
                                          CaptureObserver& observer);

}  // namespace perilune::hooks
