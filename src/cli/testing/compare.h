// What a case expects beside what happened: the differences, packet by packet, in words.
#pragma once

#include <string>
#include <vector>

#include "cli/testing/file.h"
#include "script/maps/map_store.h"

namespace perilune::cli {

struct PacketOutcome {
  packet::Packet packet;  // without its bytes and interface, which are gone
  packet::Decision decision;
  std::vector<uint8_t> bytes;  // as the script left it; only of packets that the case asks about
  std::string description;     // "192.0.2.1 port 40000 > 192.0.2.2 port 22 tcp"
};

struct LogLine {
  uint64_t packet = 0;
  uint32_t line = 0;
  std::string text;
};

struct TestOutcome {
  std::vector<PacketOutcome> packets;
  std::vector<LogLine> logs;
  std::vector<engine::ErrorLog::Entry> errors;
  std::vector<std::string> problems;  // with the capture
  uint64_t now_ns = 0;                // by the packets' clock
};

/// The differences; empty when there are none.
[[nodiscard]] std::vector<std::string> compare(TestFile& file, const TestCase& test, const TestOutcome& outcome,
                                               const script::MapStore& maps);

/// Two byte strings side by side, 16 bytes a line, only lines that differ and one before each run of them.
[[nodiscard]] std::string hex_difference(std::string_view expected, std::string_view got);

}  // namespace perilune::cli
