// What is said of packets, log lines and errors: as text and as JSON.
#include "cli/report/report.h"

#include <array>
#include <csignal>

#include <gtest/gtest.h>
#include <unistd.h>

#include "cli/json.h"
#include "packet/build.h"

namespace perilune::cli {
namespace {

/// An Output into a pipe, read back.
class Captured {
 public:
  Captured() { EXPECT_EQ(::pipe(ends_.data()), 0); }
  ~Captured() {
    ::close(ends_[0]);
    if (ends_[1] >= 0) ::close(ends_[1]);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  [[nodiscard]] int fd() const { return ends_[1]; }
  std::string text() {
    ::close(ends_[1]);
    ends_[1] = -1;
    std::string all;
    std::array<char, 4096> piece{};
    for (ssize_t length = 0; (length = ::read(ends_[0], piece.data(), piece.size())) > 0;) {
      all.append(piece.data(), static_cast<size_t>(length));
    }
    return all;
  }

 private:
  std::array<int, 2> ends_{};
};

struct Example {
  std::vector<uint8_t> bytes;
  packet::Packet packet;
  packet::Location location;
  packet::Decision decision;
};

Example example(const std::string& source, const std::string& destination) {
  Example e;
  e.bytes = packet::build({.source = source, .destination = destination, .source_port = 57189, .destination_port = 22})
                .value();
  e.packet.bytes = e.bytes;
  e.packet.wire_length = e.bytes.size();
  e.packet.number = 17;
  e.packet.time_ns = 1'600'000'000'000'000'042;
  e.location = packet::locate(e.bytes, e.bytes.size(), packet::LinkType::kEthernet);
  e.decision.verdict = packet::Verdict::kBlock;
  e.decision.cause = packet::Cause::kScript;
  e.decision.line = 14;
  return e;
}

packet::Decision decision_of(const Example& example) {
  packet::Decision decision = example.decision;
  decision.location = &example.location;
  return decision;
}

template <typename Use>
std::string reported(bool json, Use use) {
  Captured captured;
  {
    Output output(captured.fd());
    const auto report = json ? json_report(output, "dir/ssh.lua") : text_report(output, "dir/ssh.lua", captured.fd());
    use(*report);
  }
  return captured.text();
}

TEST(TextReport, PacketLines) {
  const Example v4 = example("22.4.1.3", "10.0.0.2");
  const Example v6 = example("2001:db8::1", "2001:db8::2");
  EXPECT_EQ(reported(false, [&](Report& r) { r.packet({}, v4.packet, decision_of(v4)); }),
            "packet 17      block   22.4.1.3:57189 > 10.0.0.2:22 tcp  ssh.lua:14\n");
  EXPECT_EQ(reported(false, [&](Report& r) { r.packet({}, v6.packet, decision_of(v6)); }),
            "packet 17      block   [2001:db8::1]:57189 > [2001:db8::2]:22 tcp  ssh.lua:14\n");
}

TEST(TextReport, WhatElseThereIsToSay) {
  Example e = example("22.4.1.3", "10.0.0.2");
  e.decision.verdict = packet::Verdict::kPass;
  e.decision.modified = true;
  e.decision.mark_set = true;
  e.decision.mark = 255;
  Origin origin;
  origin.file = "a\x1b.pcap";
  origin.several = true;
  EXPECT_EQ(reported(false, [&](Report& r) { r.packet(origin, e.packet, decision_of(e)); }),
            "a\\x1b.pcap  packet 17      pass    22.4.1.3:57189 > 10.0.0.2:22 tcp  ssh.lua:14  modified  mark 0xff\n");
  Origin live;
  live.queue = 3;
  live.several = true;
  EXPECT_EQ(reported(false, [&](Report& r) { r.log(live, 5, 9, "hello\n"); }),
            "queue 3  packet 5       log     ssh.lua:9  hello\\n\n");
}

TEST(Reasons, SayWhoDecided) {
  packet::Decision decision;
  decision.cause = packet::Cause::kScript;
  EXPECT_EQ(reason(decision, "a/b.lua"), "b.lua");
  decision.line = 3;
  EXPECT_EQ(reason(decision, "a/b.lua"), "b.lua:3");
  decision.cause = packet::Cause::kError;
  EXPECT_EQ(reason(decision, "a/b.lua"), "error at b.lua:3");
  decision.cause = packet::Cause::kDefault;
  EXPECT_EQ(reason(decision, "b.lua"), "no opinion");
  decision.cause = packet::Cause::kNotIp;
  EXPECT_EQ(reason(decision, "b.lua"), "not IP");
  decision.cause = packet::Cause::kMalformed;
  decision.malformed = packet::Malformed::kIpLength;
  EXPECT_EQ(reason(decision, "b.lua"), "malformed: ip-length");
}

TEST(Notable, IsWhatSomebodyWhoFiltersWantsToSee) {
  packet::Decision decision;
  decision.verdict = packet::Verdict::kPass;
  decision.cause = packet::Cause::kScript;
  EXPECT_FALSE(is_notable(decision));
  decision.modified = true;
  EXPECT_TRUE(is_notable(decision));
  decision.modified = false;
  decision.cause = packet::Cause::kError;
  EXPECT_TRUE(is_notable(decision));
  decision.cause = packet::Cause::kScript;
  for (const packet::Verdict verdict : {packet::Verdict::kBlock, packet::Verdict::kReject, packet::Verdict::kReply}) {
    decision.verdict = verdict;
    EXPECT_TRUE(is_notable(decision));
  }
}

TEST(JsonReport, PacketLinesAreJson) {
  Example e = example("22.4.1.3", "10.0.0.2");
  e.packet.interface = "eth\"0\xff";
  Origin origin;
  origin.file = "a\"\xfe\n.pcap";
  const Json json = Json::parse(reported(true, [&](Report& r) { r.packet(origin, e.packet, decision_of(e)); }));
  EXPECT_EQ(json["packet"], 17);
  EXPECT_EQ(json["verdict"], "block");
  EXPECT_EQ(json["file"], "a\"\ufffd\n.pcap");
  EXPECT_EQ(json["time"], "1600000000.000000042");
  EXPECT_EQ(json["line"], 14);
  EXPECT_EQ(json["interface"], "eth\"0\ufffd");
  EXPECT_EQ(json["sport"], 57189);
  EXPECT_FALSE(json.contains("mark"));
  EXPECT_FALSE(json.contains("modified"));
  EXPECT_FALSE(json.contains("queue"));
}

TEST(JsonReport, LogsErrorsAndSummaries) {
  const std::string all = reported(true, [](Report& r) {
    Origin origin;
    origin.file = "x.pcap";
    r.log(origin, 3, 4, "text\xff");
    r.log(origin, 0, 1, "loading");
    r.script_error(origin, 3, {"lib\xff.lua", 9, "bad \xc3", "trace\nback"});
    Summary summary;
    summary.statistics.packets = 10;
    summary.statistics.malformed[static_cast<size_t>(packet::Malformed::kUdpLength)] = 2;
    summary.errors.push_back({{"s.lua", 9, "bad \xc3", ""}, 5, 3});
    summary.queue.emplace();
    r.summary(summary);
  });
  std::vector<Json> lines;
  for (size_t at = 0; at < all.size();) {
    const size_t end = all.find('\n', at);
    lines.push_back(Json::parse(all.substr(at, end - at)));
    at = end + 1;
  }
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0]["log"]["packet"], 3);
  EXPECT_EQ(lines[0]["log"]["text"], "text\ufffd");
  EXPECT_FALSE(lines[1]["log"].contains("packet"));
  EXPECT_EQ(lines[2]["error"]["message"], "bad \ufffd");
  EXPECT_EQ(lines[2]["error"]["kind"], "script");
  EXPECT_EQ(lines[3]["summary"]["packets"], 10);
  EXPECT_EQ(lines[3]["summary"]["malformed"]["udp-length"], 2);
  EXPECT_EQ(lines[3]["summary"]["errors"][0]["count"], 5);
  EXPECT_EQ(lines[3]["summary"]["queue"]["overruns"], 0);
}

TEST(Output, AReaderThatGoesAwayIsNoError) {
  Captured captured;
  (void)captured.text();  // closes the writing end; write to a closed pipe instead
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ::close(ends[0]);
  (void)std::signal(SIGPIPE, SIG_IGN);
  {
    Output output(ends[1]);
    output.buffer().push_back('x');
    output.flush();
    EXPECT_TRUE(output.broken());
    EXPECT_FALSE(output.error().has_value());
  }
  ::close(ends[1]);
}

TEST(Output, BadDescriptorsAreErrors) {
  Output output(-1);
  output.buffer().push_back('x');
  output.flush();
  ASSERT_TRUE(output.error().has_value());
  EXPECT_NE(output.error()->message.find("EBADF"), std::string::npos);
  EXPECT_EQ(output.error()->exit_status(), 2);
}

}  // namespace
}  // namespace perilune::cli
