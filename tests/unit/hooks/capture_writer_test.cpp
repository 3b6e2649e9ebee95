// The pcapng writer, read back by our reader and by tshark; full disks; files that must not be overwritten.
#include <array>
#include <csignal>
#include <cstdio>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/bytes.h"
#include "capture_files.h"
#include "hooks/capture/pcapng_writer.h"

namespace perilune::hooks::test {
namespace {

using packet::Direction;
using packet::LinkType;

packet::Packet packet_of(std::span<const uint8_t> bytes, std::string_view interface = {}) {
  packet::Packet packet;
  packet.bytes = bytes;
  packet.wire_length = bytes.size();
  packet.time_ns = 1'700'000'000'123456789U;
  packet.interface = interface;
  return packet;
}

ReadCapture read_file(const std::string& path) {
  auto source = FileSource::open(path, nullptr);
  EXPECT_TRUE(source.has_value());
  return source ? read_all(std::move(*source), path) : ReadCapture{};
}

Bytes contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(PcapngWriter, WhatIsWrittenIsRead) {
  const TemporaryFolder folder;
  const std::string path = folder.path("out.pcapng");
  auto writer = PcapngWriter::create(path);
  ASSERT_TRUE(writer.has_value());
  const Bytes bytes = bytes_of("abcde");
  packet::Packet packet = packet_of(bytes, "eth0");
  ASSERT_TRUE((*writer)->write(packet, bytes, "pass"));
  packet.direction = Direction::kOut;
  packet.wire_length = 1500;
  ASSERT_TRUE((*writer)->write(packet, bytes_of("longer than"), "block, line 3"));
  packet.link = LinkType::kRaw;
  packet.direction = Direction::kForward;
  ASSERT_TRUE((*writer)->write(packet, bytes_of("abc"), ""));
  packet.interface = "eth1";
  ASSERT_TRUE((*writer)->write(packet, {}, "x"));
  packet.link = LinkType::kEthernet;
  packet.interface = "eth0";
  ASSERT_TRUE((*writer)->write(packet, bytes, "x"));
  ASSERT_TRUE((*writer)->close());
  ASSERT_TRUE((*writer)->close()) << "twice is once";

  const ReadCapture read = read_file(path);
  EXPECT_EQ(read.error, "");
  EXPECT_TRUE(read.unreadable.empty());
  ASSERT_EQ(read.packets.size(), 5U);
  EXPECT_EQ(read.packets[0].bytes, bytes);
  EXPECT_EQ(read.packets[0].wire_length, 5U);
  EXPECT_EQ(read.packets[0].time_ns, packet.time_ns);
  EXPECT_EQ(read.packets[0].interface, "eth0");
  EXPECT_EQ(read.packets[0].direction, Direction::kIn);
  EXPECT_EQ(read.packets[1].bytes, bytes_of("longer than"));
  EXPECT_EQ(read.packets[1].wire_length, 1506U) << "six bytes more than before";
  EXPECT_EQ(read.packets[1].direction, Direction::kOut);
  EXPECT_EQ(read.packets[2].link, LinkType::kRaw);
  EXPECT_EQ(read.packets[2].wire_length, 1498U);
  EXPECT_EQ(read.packets[2].direction, std::nullopt);
  EXPECT_EQ(read.packets[2].interface, "eth0");
  EXPECT_EQ(read.packets[3].interface, "eth1");
  EXPECT_EQ(read.packets[4].link, LinkType::kEthernet);
  EXPECT_EQ(read.packets[4].interface, "eth0");
}

TEST(PcapngWriter, NothingWrittenIsStillACapture) {
  const TemporaryFolder folder;
  const std::string path = folder.path("out.pcapng");
  auto writer = PcapngWriter::create(path);
  ASSERT_TRUE(writer.has_value());
  ASSERT_TRUE((*writer)->close());
  const ReadCapture read = read_file(path);
  EXPECT_EQ(read.error, "");
  EXPECT_TRUE(read.packets.empty());
}

TEST(PcapngWriter, AnEndlessCommentIsCutBetweenCharacters) {
  const TemporaryFolder folder;
  const std::string path = folder.path("out.pcapng");
  auto writer = PcapngWriter::create(path);
  ASSERT_TRUE(writer.has_value());
  std::string comment = "x";
  while (comment.size() < 70'000)
    comment += "\u20ac";
  const Bytes bytes = bytes_of("abc");
  ASSERT_TRUE((*writer)->write(packet_of(bytes), bytes, comment));
  ASSERT_TRUE((*writer)->close());
  const ReadCapture read = read_file(path);
  EXPECT_EQ(read.error, "");
  EXPECT_TRUE(read.unreadable.empty());
  EXPECT_EQ(read.packets.size(), 1U);
  const Bytes file = contents(path);
  const std::string text(file.begin(), file.end());
  EXPECT_NE(text.find(comment.substr(0, 65'533)), std::string::npos);
  EXPECT_EQ(text.find(comment.substr(0, 65'536)), std::string::npos);
}

TEST(PcapngWriter, SaysWhyAFileCannotBeMade) {
  const TemporaryFolder folder;
  const auto writer = PcapngWriter::create(folder.path("no/such/folder"));
  ASSERT_FALSE(writer.has_value());
  EXPECT_EQ(writer.error().exit_status(), 1);
  EXPECT_EQ(writer.error().message,
            "cannot create " + folder.path("no/such/folder") + ": No such file or directory (ENOENT)");
}

TEST(PcapngWriter, DoesNotOverwriteItsInput) {
  const TemporaryFolder folder;
  const std::string input = folder.write("in.pcapng", bytes_of("precious"));
  std::filesystem::create_symlink(input, folder.path("link"));
  const std::vector<std::string> inputs{folder.path("other"), input};
  for (const std::string& path : {input, folder.path("link"), folder.path("./in.pcapng")}) {
    const auto writer = PcapngWriter::create(path, inputs);
    ASSERT_FALSE(writer.has_value());
    EXPECT_EQ(writer.error().message, path + " is also an input: writing it would destroy it");
  }
  EXPECT_EQ(contents(input), bytes_of("precious"));
  EXPECT_TRUE(PcapngWriter::create(folder.path("new"), inputs).has_value());
}

TEST(PcapngWriter, AFullDiskIsAnErrorAtTheNextFlush) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "/dev/full is not here";
  auto writer = PcapngWriter::create("/dev/full");
  ASSERT_TRUE(writer.has_value());
  const Bytes bytes(1500);
  Result<void> written;
  for (int i = 0; i < 1000 && written; ++i)
    written = (*writer)->write(packet_of(bytes), bytes, "pass");
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().message,
            "cannot write /dev/full: No space left on device (ENOSPC); what is there of it is incomplete");
  EXPECT_FALSE((*writer)->write(packet_of(bytes), bytes, "pass").has_value()) << "it stays an error";
  const Result<void> closed = (*writer)->close();
  ASSERT_FALSE(closed.has_value());
  EXPECT_EQ(closed.error().message, written.error().message);
}

TEST(PcapngWriter, AFullDiskIsAnErrorAtTheLatestWhenClosing) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "/dev/full is not here";
  auto writer = PcapngWriter::create("/dev/full");
  ASSERT_TRUE(writer.has_value());
  EXPECT_FALSE((*writer)->close().has_value());
}

/// What a command prints, its standard error left out.
std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return text;
  std::array<char, 4096> piece{};
  while (const size_t count = fread(piece.data(), 1, piece.size(), pipe))
    text.append(piece.data(), count);
  pclose(pipe);
  return text;
}

TEST(PcapngWriter, TsharkShowsCommentInterfaceDirectionAndTime) {
  if (output_of("tshark --version").empty()) GTEST_SKIP() << "tshark is not installed (Debian package tshark)";
  const TemporaryFolder folder;
  const std::string path = folder.path("out.pcapng");
  auto writer = PcapngWriter::create(path);
  ASSERT_TRUE(writer.has_value());
  const Bytes bytes(60);
  packet::Packet packet = packet_of(bytes, "eth0");
  packet.wire_length = 100;
  ASSERT_TRUE((*writer)->write(packet, bytes, "block: ssh.lua:12, “why”"));
  packet.direction = Direction::kOut;
  packet.interface = "wlan1";
  ASSERT_TRUE((*writer)->write(packet, Bytes(64), "pass"));
  ASSERT_TRUE((*writer)->close());
  EXPECT_EQ(output_of("tshark -r " + path +
                      " -T fields -E separator='|' -e frame.number -e frame.comment -e frame.interface_name"
                      " -e frame.packet_flags_direction -e frame.time_epoch -e frame.len -e frame.cap_len"),
            "1|block: ssh.lua:12, “why”|eth0|0x00000001|1700000000.123456789|100|60\n"
            "2|pass|wlan1|0x00000002|1700000000.123456789|104|64\n");
}

// Wireshark's numbers are what users compare ours with, so its own count decides which blocks are packets.
TEST(PacketNumbers, AreTsharks) {
  if (output_of("tshark --version").empty()) GTEST_SKIP() << "tshark is not installed (Debian package tshark)";
  const TemporaryFolder folder;
  Builder builder(false);
  builder.section().interface(1).enhanced(0, 1, Bytes(60)).block(5, Builder(false).u32(0).u64(0).bytes());
  builder.simple(60, Bytes(60)).obsolete(0, 1, Bytes(60)).block(0x7777, Bytes(40));
  builder.section().interface(113).enhanced(0, 1, Bytes(62));
  builder.block(0xbad, Builder(false).u32(32473).bytes()).block(10, Builder(false).u32(0x544c534b).u32(0).bytes());
  builder.enhanced(0, 1, Bytes(63)).block(9, bytes_of("__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=hi\n"));
  builder.enhanced(0, 1, Bytes(64)).block(0x40000bad, Builder(false).u32(32473).bytes()).enhanced(0, 1, Bytes(65));
  const std::string path = folder.write("x.pcapng", builder.bytes());
  std::string ours;
  for (const ReadPacket& packet : read_file(path).packets) {
    ours += fmt::format("{} {}\n", packet.number, packet.bytes.size());
  }
  EXPECT_EQ(
      output_of("tshark -r " + path + " -Y 'eth || sll' -T fields -E separator=' ' -e frame.number -e frame.cap_len"),
      ours);
}

}  // namespace
}  // namespace perilune::hooks::test
