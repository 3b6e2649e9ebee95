// The hook `capture`: packets of pcap and pcapng files, one after the other, through a worker.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "packet/packet.h"

namespace perilune::hooks {

struct CaptureOptions {
  std::vector<std::string> files;              // "-" is standard input
  std::string filter;                          // a pcap-filter(7) expression; empty: all
  std::string interface;                       // for packets whose file names none
  packet::Direction direction = packet::Direction::kIn;  // for packets whose file has none
  const std::atomic<bool>* stop = nullptr;     // set: end after the packet under way
};

class CaptureObserver {
 public:
  virtual ~CaptureObserver() = default;
  /// After each judged packet. `file` is as the user named it.
  virtual void on_packet(const std::string& file, const packet::Packet& packet, const packet::Decision& decision) = 0;
  /// About every 64 KiB read. `total` is 0 when unknown (standard input).
  virtual void on_progress(uint64_t bytes_done, uint64_t bytes_total) = 0;
  /// A file that could not be opened or read to its end; the next one follows.
  virtual void on_broken(const Error& error) = 0;
};

/// Judges all packets of all files in constant memory. Fails at once only when the filter expression is wrong.
/// `false`: at least one file was broken (each was reported).
[[nodiscard]] Result<bool> judge_captures(const CaptureOptions& options, engine::PacketWorker& worker,
                                          CaptureObserver& observer);

}  // namespace perilune::hooks
