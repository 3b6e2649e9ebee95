// Runs one case: the script over the packets, everything it did remembered; the comparison is test_compare.cpp's.
#include <chrono>

#include "cli/report/report.h"
#include "cli/terminal.h"
#include "cli/testing/compare.h"
#include "cli/testing/result.h"
#include "hooks/capture.h"

namespace perilune::cli {
namespace {

/// Remembers what the script says, and what became of each packet.
class Recorder final : public engine::Observer, public hooks::CaptureObserver {
 public:
  explicit Recorder(TestOutcome& outcome) : outcome_(outcome) {}

  void on_log(uint64_t event, uint32_t line, std::string_view text) override {
    outcome_.logs.push_back({event, line, std::string(text)});
  }
  void on_error(uint64_t /*event*/, const script::ScriptError& /*error*/) override {}  // the program's log has them all

  void on_packet(const std::string& /*file*/, const packet::Packet& packet, const packet::Decision& decision) override {
    PacketOutcome outcome;
    outcome.packet = packet;
    outcome.decision = decision;
    // Only packets that a case asks about keep their bytes: a capture may be large.
    if (wanted_->contains(packet.number)) {
      const std::span<const uint8_t> bytes = decision.modified ? decision.bytes : packet.bytes;
      outcome.bytes.assign(bytes.begin(), bytes.end());
    }
    outcome.description = describe(packet, *decision.location);
    outcome.packet.bytes = {};
    outcome.packet.interface = {};
    outcome.decision.bytes = {};
    outcome.decision.location = nullptr;
    outcome_.now_ns = std::max(outcome_.now_ns, packet.time_ns);
    outcome_.packets.push_back(std::move(outcome));
  }
  void on_progress(uint64_t /*done*/, uint64_t /*total*/) override {}
  void on_broken(const Error& error) override { outcome_.problems.push_back(error.message); }

  void want(const std::map<uint64_t, ExpectedAfter>& numbers) { wanted_ = &numbers; }

 private:
  static std::string describe(const packet::Packet& packet, const packet::Location& location) {
    std::string text;
    if (const std::string source = source_address(packet, location); !source.empty()) {
      const std::string destination = destination_address(packet, location);
      text = location.has_ports ? fmt::format("{} port {} > {} port {} ", source, location.source_port, destination,
                                              location.destination_port)
                                : fmt::format("{} > {} ", source, destination);
    }
    return text + protocol_name(location);
  }

  TestOutcome& outcome_;
  const std::map<uint64_t, ExpectedAfter>* wanted_ = nullptr;
};

/// Judges the case's packets; what prevents it goes into outcome.problems.
void judge(const TestCase& test, engine::PacketWorker& worker, Recorder& recorder, TestOutcome& outcome) {
  if (test.capture.empty()) {
    for (const BuiltPacket& built : test.packets) {
      const packet::Packet packet = built.view();
      const packet::Decision decision = worker.judge(packet);
      recorder.on_packet({}, packet, decision);
    }
    return;
  }
  hooks::CaptureOptions options;
  options.files = {test.capture};
  options.filter = test.filter;
  const Result<bool> judged = hooks::judge_captures(options, worker, recorder);
  if (!judged) outcome.problems.push_back(judged.error().message);
}

}  // namespace

TestResult run_case(TestFile& file, const TestCase& test) {
  TestResult result;
  result.file = file.path();
  result.name = test.name;
  const auto start = std::chrono::steady_clock::now();
  TestOutcome outcome;
  Recorder recorder(outcome);
  recorder.want(test.after);
  const auto fail = [&](const Diagnostics& diagnostics) {
    for (const Diagnostic& diagnostic : diagnostics)
      result.failures.push_back(to_text(diagnostic));
  };
  if (const auto program = engine::open(test.script, test.engine, recorder); !program) {
    fail(program.error());
  } else if (const auto worker = (*program)->packet_worker(0); !worker) {
    fail(worker.error());
  } else {
    judge(test, **worker, recorder, outcome);
    outcome.errors = (*program)->errors().entries();
    result.failures = compare(file, test, outcome, (*program)->maps());
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace perilune::cli
