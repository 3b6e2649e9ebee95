// `perilune run SCRIPT CAPTURE...`: every packet of the captures through one worker, reported as they are judged.
#include <algorithm>
#include <chrono>
#include <functional>

#include <unistd.h>

#include "cli/command.h"
#include "cli/commands/run_options.h"
#include "cli/interruption.h"
#include "cli/report/progress.h"
#include "cli/stream.h"
#include "cli/terminal.h"
#include "hooks/capture.h"
#include "hooks/capture/pcapng_writer.h"
#include "hooks/confinement.h"

namespace perilune::cli {
namespace {

/// `-w -` puts the packets on standard output; what there is to say then goes to standard error.
int report_fd(const RunOptions& options) {
  return options.write_to == "-" ? STDERR_FILENO : STDOUT_FILENO;
}

class CaptureRun final : public engine::Observer, public hooks::CaptureObserver {
 public:
  explicit CaptureRun(const RunOptions& options)
      : options_(options), output_(report_fd(options), [this] { progress_.erase(); }) {
    const int fd = report_fd(options);
    report_ = options.json ? json_report(output_, options.script) : text_report(output_, options.script, fd);
    origin_.several = options.captures.size() > 1;
    // Standard input may be live (tcpdump): the reader wants to see lines as packets come.
    const bool reads_stdin = std::find(options.captures.begin(), options.captures.end(), "-") != options.captures.end();
    output_.flush_each_line(reads_stdin || ::isatty(fd) == 1);
  }

  int run();

  void on_comments(std::span<const std::string_view> comments) override {
    comments_.assign(comments.begin(), comments.end());
  }

  void on_packet(const std::string& file, const packet::Packet& packet, const packet::Decision& decision) override {
    ++packets_;
    name_origin(file);
    if (!waiting_.empty()) tell_waiting();
    const bool shown = options_.detail == Detail::kAll || (options_.detail == Detail::kNotable && is_notable(decision));
    if (shown) report_->packet(origin_, packet, decision);
    if (writer_) write(packet, decision);
    comments_.clear();
    if (output_.broken() && !writer_) interruption_.stop();
  }

  void on_progress(uint64_t bytes_done, uint64_t bytes_total) override {
    progress_.show(bytes_done, bytes_total, packets_);
  }

  void on_broken(const Error& error) override {
    progress_.erase();
    ++problems_;
    report_->broken(error);
  }

  // Called while a packet is judged; which file it is from is known only afterwards.
  void on_log(uint64_t event, uint32_t line, std::string_view text) override {
    if (options_.detail == Detail::kSummary) return;
    waiting_.push_back([this, event, line, copy = std::string(text)] { report_->log(origin_, event, line, copy); });
    if (event == 0) tell_waiting();
  }

  void on_error(uint64_t event, const script::ScriptError& error) override {
    if (options_.detail == Detail::kSummary && options_.json) return;
    waiting_.push_back([this, event, error] {
      progress_.erase();
      report_->script_error(origin_, event, error);
    });
    if (event == 0) tell_waiting();
  }

 private:
  void name_origin(const std::string& file) {
    if (origin_.file != file) origin_.file = file;
  }
  void tell_waiting() {
    for (const std::function<void()>& event : waiting_)
      event();
    waiting_.clear();
  }
  /// Everything but files that are still to be read is open.
  void confine(bool another);
  [[nodiscard]] Result<void> open_writer();
  void write(const packet::Packet& packet, const packet::Decision& decision);
  [[nodiscard]] int finish(const engine::Program& program, double seconds, bool sound);

  const RunOptions& options_;
  Interruption interruption_;
  Progress progress_;
  Output output_;
  std::unique_ptr<Report> report_;
  std::unique_ptr<engine::PacketWorker> worker_;
  std::unique_ptr<hooks::PcapngWriter> writer_;
  std::optional<Error> write_error_;
  Origin origin_;
  std::vector<std::function<void()>> waiting_;  // log lines and errors of the packet under way
  std::vector<std::string_view> comments_;      // that the packet under way had in its file
  bool confined_ = false;
  bool warned_ = false;
  uint64_t packets_ = 0;
  uint64_t problems_ = 0;
};

void CaptureRun::confine(bool another) {
  if (confined_ && another) return;
  confined_ = true;
  const std::string problem = hooks::confine_if_possible(another ? hooks::Work::kCaptures : hooks::Work::kLastCapture);
  if (!problem.empty() && !warned_) print_to(stderr, "perilune: warning: {}\n", printable(problem));
  warned_ = warned_ || !problem.empty();
}

Result<void> CaptureRun::open_writer() {
  if (options_.write_to.empty()) return {};
  std::vector<std::string> inputs = options_.captures;
  inputs.push_back(options_.script);
  auto writer = hooks::PcapngWriter::create(options_.write_to, inputs);
  if (!writer) return tl::make_unexpected(writer.error());
  writer_ = std::move(*writer);
  return {};
}

void CaptureRun::write(const packet::Packet& packet, const packet::Decision& decision) {
  const bool wanted = decision.verdict == packet::Verdict::kPass ? options_.write_passed : options_.write_blocked;
  if (!wanted || write_error_) return;
  std::string comment = fmt::format("perilune: {} ({})", packet::to_string(decision.verdict),
                                    printable(reason(decision, options_.script)));
  if (decision.modified) comment += ", modified";
  if (decision.mark_set) comment += fmt::format(", mark 0x{:x}", decision.mark);
  const Result<void> written =
      writer_->write(packet, decision.modified ? decision.bytes : packet.bytes, comment, comments_);
  if (!written) {
    write_error_ = written.error();
    interruption_.stop();
  }
}

int CaptureRun::run() {
  const auto program = engine::open(options_.script, options_.engine, *this);
  if (!program) {
    return refuse(program.error());
  }
  auto worker = (*program)->packet_worker(0);
  if (!worker) {
    output_.flush();
    return refuse(worker.error());
  }
  worker_ = std::move(*worker);
  if (const Result<void> opened = open_writer(); !opened) return print_error(opened.error());

  hooks::CaptureOptions capture;
  capture.files = options_.captures;
  capture.filter = options_.filter;
  capture.interface = options_.interface;
  capture.direction = options_.direction;
  capture.stop = &interruption_.stopped();
  capture.opened = [this](bool another) { confine(another); };
  const auto start = std::chrono::steady_clock::now();
  const Result<bool> judged = hooks::judge_captures(capture, *worker_, *this);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  progress_.erase();
  if (!judged) {
    output_.flush();
    return print_error(judged.error());
  }
  return finish(**program, seconds, *judged);
}

int CaptureRun::finish(const engine::Program& program, double seconds, bool sound) {
  Summary summary;
  summary.statistics = worker_->statistics();
  summary.errors = program.errors().entries();
  summary.engine = engine::to_string(program.kind());
  summary.explanation = explanation(program);
  summary.seconds = seconds;
  summary.interrupted = interruption_.signal() != 0;
  summary.problems = problems_;
  report_->summary(summary);
  output_.flush();
  if (writer_) {
    const Result<void> closed = writer_->close();
    if (!closed && !write_error_) write_error_ = closed.error();
  }
  if (write_error_) return print_error(*write_error_);
  if (output_.error()) return print_error(*output_.error());
  if (summary.interrupted) return 128 + interruption_.signal();
  return sound ? kDone : kInputAtFault;
}

}  // namespace

int run_captures(const RunOptions& options) {
  RunOptions packets_clock = options;
  packets_clock.engine.packet_time = true;
  return CaptureRun(packets_clock).run();
}

}  // namespace perilune::cli
