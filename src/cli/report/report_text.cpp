// The report for people.
//
//   packet 17     block   22.4.1.3:57189 > 10.0.0.2:22 tcp  ssh.lua:14
//   packet 18     log     ssh.lua:9  banner OpenSSH_6.4
//
// Script errors go to standard error, once for each place, with Lua's traceback.
#include <cstdio>
#include <utility>

#include <unistd.h>

#include "cli/report/report.h"
#include "cli/stream.h"
#include "cli/units.h"

namespace perilune::cli {
namespace {

Colour colour_of(packet::Verdict verdict) {
  switch (verdict) {
    case packet::Verdict::kPass:
      return Colour::kGreen;
    case packet::Verdict::kBlock:
    case packet::Verdict::kReject:
      return Colour::kRed;
    case packet::Verdict::kReply:
      return Colour::kYellow;
  }
  return Colour::kPlain;
}

class TextReport final : public Report {
 public:
  TextReport(Output& output, std::string script, int fd)
      : output_(output), script_(std::move(script)), out_palette_(fd), error_palette_(STDERR_FILENO) {}

  void packet(const Origin& origin, const packet::Packet& packet, const packet::Decision& decision) override {
    begin_line(origin, packet.number);
    const Colour colour = colour_of(decision.verdict);
    output_.print("{}{:<6}{}  ", out_palette_.start(colour), packet::to_string(decision.verdict),
                  out_palette_.end(colour));
    endpoints(packet, *decision.location);
    output_.print("  {}", reason(decision, script_));
    if (decision.modified) output_.print("  modified");
    if (decision.mark_set) output_.print("  mark 0x{:x}", decision.mark);
    output_.end_line();
  }

  void log(const Origin& origin, uint64_t event, uint32_t line, std::string_view text) override {
    begin_line(origin, event);
    output_.print("{}{:<6}{}  {}", out_palette_.start(Colour::kCyan), "log", out_palette_.end(Colour::kCyan),
                  file_name(script_));
    if (line != 0) output_.print(":{}", line);
    output_.print("  ");
    append_printable(output_.buffer(), text);
    output_.end_line();
  }

  void script_error(const Origin& origin, uint64_t event, const script::ScriptError& error) override {
    output_.flush();
    std::string place = error.file;
    if (error.line != 0) place += fmt::format(":{}", error.line);
    std::string where = event == 0 ? "while loading" : fmt::format("packet {}", event);
    if (origin.several && !origin.file.empty() && event != 0) where += fmt::format(" of {}", origin.file);
    print_to(stderr, "{}: {} {} ({})\n", printable(place), error_palette_.paint(Colour::kRed, "script error:"),
             printable(error.message), printable(where));
    print_lines(stderr, "  ", error.traceback);
  }

  void broken(const Error& error) override {
    output_.flush();
    print_error(error);
  }

  void summary(const Summary& summary) override {
    const engine::Statistics& s = summary.statistics;
    const double rate = summary.seconds > 0 ? static_cast<double>(s.packets) / summary.seconds : 0;
    if (!summary.final) row("so far", "the run goes on");
    if (summary.interrupted) row("interrupted", "the numbers below are of what was judged until then");
    row("packets", fmt::format("{} in {:.3f} s, {} packets/s", grouped(s.packets), summary.seconds,
                               grouped(static_cast<uint64_t>(rate))));
    row("passed", grouped(s.passed));
    row("blocked", grouped(s.blocked));
    if (s.rejected != 0) row("rejected", grouped(s.rejected));
    if (s.replied != 0) row("replied", grouped(s.replied));
    if (s.modified != 0) row("modified", grouped(s.modified));
    if (s.not_ip != 0) row("not IP", grouped(s.not_ip));
    if (s.truncated != 0) row("cut short", fmt::format("{} (by the capture's snap length)", grouped(s.truncated)));
    malformed(s);
    if (summary.queue) queue(*summary.queue);
    if (summary.lost_lines != 0)
      row("lines lost", fmt::format("{} could not be written here", grouped(summary.lost_lines)));
    if (summary.lost_error_lines != 0)
      row("errors lost",
          fmt::format("{} lines of standard error, which could not be written", grouped(summary.lost_error_lines)));
    errors(summary);
    if (summary.problems != 0) row("unreadable", fmt::format("{}, see the errors above", grouped(summary.problems)));
    row("engine", summary.explanation);
    output_.flush();
  }

 private:
  void row(std::string_view name, std::string_view text) {
    output_.print("{:<12}{}", name, text);
    output_.end_line();
  }

  void begin_line(const Origin& origin, uint64_t event) {
    if (event == 0) {
      output_.print("{:<13}  ", "loading");
      return;
    }
    if (origin.several && origin.queue) {
      output_.print("queue {}  ", *origin.queue);
    } else if (origin.several) {
      append_printable(output_.buffer(), origin.file);
      output_.print("  ");
    }
    output_.print("packet {:<6}  ", event);
  }

  void endpoints(const packet::Packet& packet, const packet::Location& location) {
    if (location.version != 0) {
      endpoint(source_address(packet, location), location.source_port, location);
      output_.print(" > ");
      endpoint(destination_address(packet, location), location.destination_port, location);
      output_.print(" ");
    }
    output_.print("{}", protocol_name(location));
    if (location.fragment) output_.print(" fragment");
  }

  void endpoint(const std::string& address, uint16_t port, const packet::Location& location) {
    if (address.empty()) {
      output_.print("?");
    } else if (!location.has_ports) {
      output_.print("{}", address);
    } else if (location.version == 6) {
      output_.print("[{}]:{}", address, port);
    } else {
      output_.print("{}:{}", address, port);
    }
  }

  void malformed(const engine::Statistics& statistics) {
    uint64_t total = 0;
    std::string reasons;
    for (size_t i = 1; i < statistics.malformed.size(); ++i) {
      if (statistics.malformed[i] == 0) continue;
      total += statistics.malformed[i];
      reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ",
                             packet::to_string(static_cast<packet::Malformed>(i)), grouped(statistics.malformed[i]));
    }
    if (total != 0) row("malformed", fmt::format("{}: {}", grouped(total), reasons));
  }

  void queue(const hooks::QueueCounters& counters) {
    const auto counted = [&](std::string_view name, uint64_t count, std::string_view what) {
      if (count != 0) row(name, fmt::format("{} {}", grouped(count), what));
    };
    counted("overruns", counters.overruns, "packets never reached the filter: the socket buffer was full");
    counted("queue full", counters.dropped_kernel, "packets the kernel dropped because the queue was full");
    counted("buffer full", counters.dropped_user, "packets the kernel dropped because the socket buffer was full");
    counted("not sent", counters.reply_failures, "answers (RST, ICMP or reply) that could not be sent");
    counted("refused", counters.verdict_failures, "verdicts or changed packets that the kernel refused");
    counted("calls", counters.failed_calls, "system calls failed and were tried again; packets waited");
    counted("trains", counters.trains, "trains of datagrams that came as one packet and were taken apart");
    counted("unjudged", counters.unjudged, "packets dropped because judging them failed in this process");
  }

  void errors(const Summary& summary) {
    if (summary.statistics.errors != 0) row("errors", fmt::format("{} packets", grouped(summary.statistics.errors)));
    for (const engine::ErrorLog::Entry& entry : summary.errors) {
      output_.print("  {}x  ", grouped(entry.count));
      append_printable(output_.buffer(), entry.error.file);
      if (entry.error.line != 0) output_.print(":{}", entry.error.line);
      output_.print(": ");
      append_printable(output_.buffer(), entry.error.message);
      output_.print(" (first at packet {})", entry.first_event);
      output_.end_line();
    }
  }

  Output& output_;
  std::string script_;
  Palette out_palette_;
  Palette error_palette_;
};

}  // namespace

std::unique_ptr<Report> text_report(Output& output, std::string script, int fd) {
  return std::make_unique<TextReport>(output, std::move(script), fd);
}

}  // namespace perilune::cli
