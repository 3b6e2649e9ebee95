#include "packet/kind.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace perilune::packet {
namespace {

TEST(PacketKind, NamesAreThoseOfTheFieldsAndMethods) {
  std::set<std::string_view> names(kind().methods.begin(), kind().methods.end());
  for (const event::Field& field : kind().fields)
    EXPECT_TRUE(names.insert(field.name).second) << field.name << " stands there twice";
  EXPECT_TRUE(std::ranges::equal(names, kind().names));
  EXPECT_EQ(kind().find("sport")->at, offsetof(pl_packet, source_port));
  EXPECT_EQ(kind().find("spor"), nullptr);
}

TEST(PacketKind, FieldsStandInTheRecord) {
  for (const event::Field& field : kind().fields) {
    if (field.at != event::kFirstByte) {
      EXPECT_LE(field.at + field.size, sizeof(pl_packet)) << field.name;
    }
    EXPECT_LE(field.extent + sizeof(uint32_t), sizeof(pl_packet)) << field.name;
    EXPECT_EQ(field.form == event::Form::kWord, !field.words.empty()) << field.name;
  }
}

TEST(PacketKind, WhatMovesIsWhereItWasUntilItMoves) {
  Location location;
  location.transport = 34;
  location.payload = 42;
  location.end = 60;
  location.has_transport = true;
  const std::array<uint8_t, 60> bytes{};
  pl_packet record{};
  Packet packet;
  packet.bytes = bytes;
  packet.wire_length = bytes.size();
  fill_record(record, packet, location);
  const auto number = [&](size_t place) {
    uint32_t value = 0;
    std::memcpy(&value, reinterpret_cast<const uint8_t*>(&record) + place, sizeof value);
    return value;
  };
  for (const event::Moving& one : kind().moving)
    EXPECT_EQ(number(one.arrived), number(one.now)) << one.arrived;
}

TEST(PacketKind, TheManualNamesEveryField) {
  std::ifstream file(PERILUNE_SOURCE_DIR "/docs/scripting.md");
  const std::string manual{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(manual.empty());
  for (const event::Field& field : kind().fields)
    EXPECT_NE(manual.find("`pkt." + std::string(field.name) + "`"), std::string::npos) << field.name;
}

}  // namespace
}  // namespace perilune::packet
