// judge_captures(): files to worker to observer, the filter expression, directions and interfaces, stopping, every
// shared capture.
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file_descriptor.h"
#include "capture_files.h"
#include "hooks/capture.h"

namespace perilune::hooks::test {
namespace {

using packet::Direction;

/// Blocks every packet whose first byte is 'B'; remembers what it was shown.
class FakeWorker : public engine::PacketWorker {
 public:
  packet::Decision judge(const packet::Packet& packet) override {
    packets.push_back(packet);
    interfaces.emplace_back(packet.interface);
    packet::Decision decision;
    decision.verdict =
        !packet.bytes.empty() && packet.bytes[0] == 'B' ? packet::Verdict::kBlock : packet::Verdict::kPass;
    decision.bytes = packet.bytes;
    return decision;
  }
  [[nodiscard]] engine::Statistics statistics() const override { return {}; }

  std::vector<packet::Packet> packets;  // their bytes are gone
  std::vector<std::string> interfaces;
};

class Recorder : public CaptureObserver {
 public:
  void on_packet(const std::string& file, const packet::Packet& packet, const packet::Decision& decision) override {
    lines.push_back(fmt::format("{} {} {}", std::filesystem::path(file).filename().string(), packet.number,
                                packet::to_string(decision.verdict)));
    if (stop_after != 0 && lines.size() == stop_after) stop.store(true);
  }
  void on_progress(uint64_t done, uint64_t total) override { progress.emplace_back(done, total); }
  void on_broken(const Error& error) override {
    errors.push_back(error.message);
    EXPECT_EQ(error.exit_status(), 1) << error.message;
  }

  std::vector<std::string> lines;
  std::vector<std::string> errors;
  std::vector<std::pair<uint64_t, uint64_t>> progress;
  size_t stop_after = 0;
  std::atomic<bool> stop{false};
};

class JudgeCaptures : public testing::Test {
 protected:
  Result<bool> run() {
    options.stop = &recorder.stop;
    return judge_captures(options, worker, recorder);
  }
  std::string pcap(const std::string& name, uint32_t link, const std::vector<std::string>& packets) {
    Builder builder(false);
    builder.pcap_header(0xa1b2c3d4, link);
    for (const std::string& packet : packets)
      builder.pcap_record(1, 2, bytes_of(packet));
    return folder.write(name, builder.bytes());
  }

  TemporaryFolder folder;
  CaptureOptions options;
  FakeWorker worker;
  Recorder recorder;
};

using Lines = std::vector<std::string>;

TEST_F(JudgeCaptures, FilesInOrderNumbersFromOneInEach) {
  options.files = {pcap("b", 1, {"A", "B"}), pcap("a", 1, {"B"})};
  const Result<bool> clean = run();
  ASSERT_TRUE(clean.has_value());
  EXPECT_TRUE(*clean);
  EXPECT_EQ(recorder.lines, (Lines{"b 1 pass", "b 2 block", "a 1 block"}));
  EXPECT_TRUE(recorder.errors.empty());
  EXPECT_EQ(recorder.progress.back(), (std::pair<uint64_t, uint64_t>{99, 99}));
}

TEST_F(JudgeCaptures, BrokenFilesAreReportedAndTheOthersJudged) {
  Builder cut(false);
  cut.pcap_header(0xa1b2c3d4, 1).pcap_record(1, 2, bytes_of("B")).u32(1);
  options.files = {folder.path("missing"),           folder.path(""),         folder.write("empty", {}),
                   folder.write("cut", cut.bytes()), pcap("odd", 147, {"A"}), pcap("good", 1, {"A"})};
  const Result<bool> clean = run();
  ASSERT_TRUE(clean.has_value());
  EXPECT_FALSE(*clean);
  EXPECT_EQ(recorder.lines, (Lines{"cut 1 block", "good 1 pass"}));
  ASSERT_EQ(recorder.errors.size(), 5U);
  EXPECT_EQ(recorder.errors[0], "cannot open " + options.files[0] + ": No such file or directory (ENOENT)");
  EXPECT_EQ(recorder.errors[1], options.files[1] + " is a directory");
  EXPECT_EQ(recorder.errors[2], options.files[2] + " is empty: not even a capture file's header");
  EXPECT_EQ(recorder.errors[3],
            options.files[3] + ": cut in the middle of packet 2 at byte 41: the file is incomplete");
  EXPECT_EQ(recorder.errors[4], options.files[4] + ": its packets are of link type 147, which cannot be judged");
}

TEST_F(JudgeCaptures, ManyUnreadablePacketsAreCounted) {
  Builder builder(false);
  builder.section().interface(1);
  for (int i = 0; i < 25; ++i)
    builder.block(6, {});
  builder.enhanced(0, 1, bytes_of("B"));
  options.files = {folder.write("bad", builder.bytes())};
  const Result<bool> clean = run();
  ASSERT_TRUE(clean.has_value());
  EXPECT_FALSE(*clean);
  EXPECT_EQ(recorder.lines, Lines{"bad 26 block"});
  ASSERT_EQ(recorder.errors.size(), 11U);
  EXPECT_EQ(recorder.errors[10], options.files[0] + ": 15 more packets could not be read");
}

TEST_F(JudgeCaptures, DirectionAndInterfaceComeFromTheFileElseFromTheOptions) {
  const auto flags = [](uint32_t value) { return Builder(false).option(2, Builder(false).u32(value).bytes()).bytes(); };
  Bytes cooked_out(16);
  cooked_out[1] = 4;
  const Bytes cooked_in(16);
  Bytes cooked2_out(20);
  cooked2_out[10] = 4;
  cooked2_out[7] = 9;
  Builder builder(false);
  builder.section().interface(1, Builder(false).option(2, bytes_of("eth7")).bytes()).interface(113).interface(276);
  builder.enhanced(0, 1, bytes_of("A")).enhanced(0, 1, bytes_of("A"), flags(1)).enhanced(0, 1, bytes_of("A"), flags(2));
  builder.enhanced(1, 1, cooked_out).enhanced(1, 1, cooked_in).enhanced(1, 1, cooked_out, flags(1));
  builder.enhanced(1, 1, bytes_of("short")).enhanced(2, 1, cooked2_out);
  options.files = {folder.write("x.pcapng", builder.bytes())};
  options.interface = "given0";
  options.direction = Direction::kOut;
  ASSERT_TRUE(run().has_value());
  ASSERT_EQ(worker.packets.size(), 8U);
  std::vector<Direction> directions;
  for (const packet::Packet& packet : worker.packets)
    directions.push_back(packet.direction);
  EXPECT_EQ(directions, (std::vector{Direction::kOut, Direction::kIn, Direction::kOut, Direction::kOut, Direction::kIn,
                                     Direction::kIn, Direction::kOut, Direction::kOut}));
  EXPECT_EQ(worker.interfaces[0], "eth7");
  EXPECT_EQ(worker.interfaces[3], "given0");
  EXPECT_EQ(worker.packets[3].ifindex, 0U);
  EXPECT_EQ(worker.packets[7].ifindex, 9U);
  EXPECT_TRUE(worker.packets[0].has_frame);
}

TEST_F(JudgeCaptures, RawIpHasNoFrame) {
  options.files = {pcap("raw", 101, {"A"})};
  ASSERT_TRUE(run().has_value());
  ASSERT_EQ(worker.packets.size(), 1U);
  EXPECT_FALSE(worker.packets[0].has_frame);
}

TEST_F(JudgeCaptures, StopEndsAfterThePacketUnderWay) {
  options.files = {pcap("a", 1, {"A", "A", "A"}), pcap("b", 1, {"A"})};
  recorder.stop_after = 2;
  const Result<bool> clean = run();
  ASSERT_TRUE(clean.has_value());
  EXPECT_TRUE(*clean);
  EXPECT_EQ(recorder.lines.size(), 2U);
}

TEST_F(JudgeCaptures, StopEndsAWaitForAPipe) {
  const std::string pipe = folder.path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const FileDescriptor both(::open(pipe.c_str(), O_RDWR | O_CLOEXEC));  // so that opening it to read does not wait
  ASSERT_TRUE(static_cast<bool>(both));
  Builder builder(false);
  builder.pcap_header(0xa1b2c3d4, 1).pcap_record(1, 2, bytes_of("B")).u32(7);
  ASSERT_EQ(::write(both.get(), builder.bytes().data(), builder.size()), static_cast<ssize_t>(builder.size()));
  options.files = {pipe};
  std::thread stopper([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    recorder.stop.store(true);
  });
  const Result<bool> clean = run();
  stopper.join();
  ASSERT_TRUE(clean.has_value());
  EXPECT_TRUE(*clean) << "an end that stopping made is not a cut file: " << recorder.errors.front();
  EXPECT_EQ(recorder.lines, Lines{"pipe 1 block"}) << "a packet of a pipe is judged when it is there, not at the end";
  EXPECT_EQ(recorder.progress.back().second, 0U) << "the length of a pipe is not known";
}

TEST_F(JudgeCaptures, StandardInput) {
  const std::string file = pcap("a", 1, {"A", "B"});
  const FileDescriptor saved(dup(STDIN_FILENO));
  const FileDescriptor input(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_GE(dup2(input.get(), STDIN_FILENO), 0);
  options.files = {"-"};
  const Result<bool> clean = run();
  options.files = {"-"};
  recorder.lines.push_back("again");
  const Result<bool> again = run();
  dup2(saved.get(), STDIN_FILENO);
  ASSERT_TRUE(clean.has_value());
  EXPECT_TRUE(*clean);
  EXPECT_EQ(recorder.lines, (Lines{"- 1 pass", "- 2 block", "again"}));
  ASSERT_TRUE(again.has_value());
  EXPECT_FALSE(*again);
  EXPECT_EQ(recorder.errors, Lines{"standard input is empty: not even a capture file's header"});
}

TEST_F(JudgeCaptures, ProgressIsReportedNowAndThen) {
  std::vector<std::string> packets(3000, std::string(100, 'A'));
  options.files = {pcap("a", 1, packets), pcap("b", 1, packets)};
  ASSERT_TRUE(run().has_value());
  const uint64_t total = 2 * (24 + 3000 * 116);
  EXPECT_GE(recorder.progress.size(), 10U);
  EXPECT_LE(recorder.progress.size(), 16U);
  for (size_t i = 0; i < recorder.progress.size(); ++i) {
    EXPECT_EQ(recorder.progress[i].second, total);
    if (i > 0) {
      EXPECT_GE(recorder.progress[i].first, recorder.progress[i - 1].first);
    }
  }
  EXPECT_EQ(recorder.progress.back().first, total);
}

// The filter expression

std::string ethernet_ipv4(uint8_t protocol) {
  std::string frame(12, '\0');
  frame += std::string("\x08\x00\x45\x00\x00\x28", 6);
  frame += std::string(5, '\0');
  frame += static_cast<char>(protocol);
  frame += std::string(30, '\0');
  frame[14] = 0x45;
  return frame;
}

TEST_F(JudgeCaptures, FilterLeavesPacketsOutButCountsThem) {
  options.files = {pcap("a", 1, {ethernet_ipv4(6), ethernet_ipv4(17), "B", ethernet_ipv4(17)})};
  options.filter = "udp";
  const Result<bool> clean = run();
  ASSERT_TRUE(clean.has_value());
  EXPECT_TRUE(*clean);
  EXPECT_EQ(recorder.lines, (Lines{"a 2 pass", "a 4 pass"}));
}

TEST_F(JudgeCaptures, FilterIsCompiledForEachLinkType) {
  options.files = {pcap("a", 1, {ethernet_ipv4(6), ethernet_ipv4(17)}),
                   pcap("b", 101, {ethernet_ipv4(17).substr(14), ethernet_ipv4(6).substr(14)}),
                   pcap("c", 1, {ethernet_ipv4(6)})};
  options.filter = "tcp";
  ASSERT_TRUE(run().has_value());
  EXPECT_EQ(recorder.lines, (Lines{"a 1 pass", "b 2 pass", "c 1 pass"}));
}

TEST_F(JudgeCaptures, FilterOnLoopbackOfBothByteOrders) {
  const std::string little("\x02\0\0\0", 4);
  const std::string big("\0\0\0\x02", 4);
  const std::string ip = ethernet_ipv4(17).substr(14);
  options.files = {pcap("a", 0, {little + ip, big + ip})};
  options.filter = "ip and udp";
  ASSERT_TRUE(run().has_value());
  EXPECT_EQ(recorder.lines.size(), 2U);
}

TEST_F(JudgeCaptures, FilterOnLoopbackKnowsEverySystemsNumberOfIpv6) {
  std::string ip(40, '\0');
  ip[0] = 0x60;
  std::vector<std::string> packets;
  for (const char family : {'\x18', '\x1c', '\x1e'}) {
    packets.push_back(std::string{family, 0, 0, 0} + ip);
    packets.push_back(std::string{0, 0, 0, family} + ip);
  }
  options.files = {pcap("a", 0, packets), pcap("b", 108, {packets[1], packets[3], packets[5]})};
  options.filter = "ip6";
  ASSERT_TRUE(run().has_value());
  EXPECT_EQ(recorder.lines.size(), 9U);
}

TEST_F(JudgeCaptures, WhatOnlyTheKernelKnowsIsNoFilterForFiles) {
  options.files = {pcap("a", 1, {"A"})};
  options.filter = "inbound";
  const Result<bool> clean = run();
  ASSERT_FALSE(clean.has_value()) << "it would be compiled to code that never matches";
  EXPECT_NE(clean.error().message.find("on Ethernet packets"), std::string::npos) << clean.error().message;
}

TEST_F(JudgeCaptures, AWrongFilterFailsBeforeAnythingIsRead) {
  options.files = {pcap("a", 1, {"A"})};
  options.filter = "tcp prot 22";
  const Result<bool> clean = run();
  ASSERT_FALSE(clean.has_value());
  EXPECT_EQ(clean.error().exit_status(), 1);
  EXPECT_NE(clean.error().message.find("the filter expression 'tcp prot 22' cannot be used on Ethernet packets: "),
            std::string::npos)
      << clean.error().message;
  EXPECT_TRUE(recorder.lines.empty());
  EXPECT_TRUE(recorder.progress.empty());
}

TEST_F(JudgeCaptures, AFilterThatFitsNoPacketOfThisTypeFailsAtTheFirst) {
  options.files = {pcap("a", 101, {"A"})};
  options.filter = "ether host 02:00:00:00:00:01";
  const Result<bool> clean = run();
  ASSERT_FALSE(clean.has_value());
  EXPECT_EQ(clean.error().exit_status(), 1);
  EXPECT_NE(clean.error().message.find("a: packet 1: the filter expression"), std::string::npos)
      << clean.error().message;
  EXPECT_NE(clean.error().message.find("on raw IP packets"), std::string::npos) << clean.error().message;
}

// The shared captures

TEST(SharedCaptures, EveryFileHasItsPackets) {
  const std::filesystem::path captures = shared_folder() / "captures";
  std::ifstream index(captures / "index.tsv");
  if (!index) GTEST_SKIP() << captures << " is not here";
  std::string line;
  std::getline(index, line);
  size_t files = 0;
  while (std::getline(index, line)) {
    std::vector<std::string> columns;
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, '\t');)
      columns.push_back(cell);
    ASSERT_GE(columns.size(), 5U) << line;
    CaptureOptions options;
    options.files = {(captures / columns[0]).string()};
    FakeWorker worker;
    Recorder recorder;
    const Result<bool> clean = judge_captures(options, worker, recorder);
    ASSERT_TRUE(clean.has_value());
    EXPECT_EQ(worker.packets.size(), std::stoul(columns[4])) << columns[0];
    EXPECT_EQ(recorder.errors, Lines{}) << columns[0];
    ++files;
  }
  EXPECT_GE(files, 40U);
}

TEST(SharedCaptures, InterfacesAndTimes) {
  const std::filesystem::path captures = shared_folder() / "captures";
  if (!std::filesystem::exists(captures)) GTEST_SKIP() << captures << " is not here";
  const auto read = [&](const std::string& name) {
    auto source = FileSource::open((captures / name).string(), nullptr);
    EXPECT_TRUE(source.has_value());
    return read_all(std::move(*source), name);
  };
  const ReadCapture nano = read("pcap-nanosecond-big-endian.pcap");
  ASSERT_EQ(nano.packets.size(), 10U);
  const ReadCapture several = read("pcapng-multi-interface.pcapng");
  ASSERT_EQ(several.packets.size(), 159U);
  std::map<packet::LinkType, size_t> links;
  for (const ReadPacket& packet : several.packets)
    ++links[packet.link];
  EXPECT_EQ(links[packet::LinkType::kLinuxSll], 100U);
  EXPECT_GT(links.size(), 1U);
}

}  // namespace
}  // namespace perilune::hooks::test
