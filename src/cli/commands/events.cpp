// `perilune events [NAME...]`: what loaded filters log, where they fail and what they block, live.
#include "compiler/events.h"

#include <algorithm>
#include <cstring>
#include <map>

#include <poll.h>

#include "bpf/event_reader.h"
#include "bpf/hook.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/interruption.h"
#include "cli/report/kernel_report.h"
#include "cli/report/output.h"
#include "cli/report/report.h"
#include "cli/stream.h"
#include "cli/terminal.h"
#include "hooks/capture/pcapng_writer.h"
#include "ir/error_text.h"
#include "packet/packet.h"
#include "packet/record.h"

namespace perilune::cli {
namespace {

constexpr const char* kExamples = R"(
Examples:
  sudo perilune events                          of all filters, until Ctrl-C
  sudo perilune events ssh -w drops.pcapng      keep what was blocked; Wireshark shows why
  sudo perilune events --json                   an object for each event, of the same form as run --json
  sudo perilune events ssh --backlog            first what was logged while no program listened

Blocked packets are recorded while this command runs, with their first 256 bytes.
Exit status: 0 done; 1 an unknown name; 2 it cannot be seen from here.)";

struct Words {
  std::vector<std::string> names;
  std::string write_to;
  bool backlog = false;
  bool json = false;
};

std::string clock_of(uint64_t time_ns) {
  constexpr uint64_t kMillion = 1'000'000;
  return fmt::format("{}.{:03}", time_text(time_ns).substr(11), time_ns / kMillion % 1000);
}

/// A blocked packet as it was recorded.
struct BlockedPacket {
  packet::Packet packet;
  packet::Location location;
  packet::Decision decision;
  std::string interface;
};

bool understand(const bpf::FilterEvent& event, BlockedPacket& blocked) {
  pl_packet_event record{};
  if (event.bytes.size() < sizeof record) return false;
  std::memcpy(&record, event.bytes.data(), sizeof record);
  const bpf::AttachPoint& point = event.attachment->point;
  blocked.interface = point.interface;
  packet::Packet& packet = blocked.packet;
  packet.bytes = event.bytes.subspan(sizeof record);
  packet.wire_length = std::max<size_t>(record.frame_length, packet.bytes.size());
  packet.link = packet::is_supported_link_type(static_cast<uint16_t>(record.link_type))
                    ? static_cast<packet::LinkType>(record.link_type)
                    : packet::LinkType::kEthernet;
  packet.ifindex = record.ifindex;
  packet.time_ns = event.header.time_ns;
  packet.interface = blocked.interface;
  const bool out = point.hook->target(point).direction == "out";
  packet.direction = out ? packet::Direction::kOut : packet::Direction::kIn;
  blocked.location = packet::locate(packet.bytes, packet.wire_length, packet.link);
  packet::Decision& decision = blocked.decision;
  decision.location = &blocked.location;
  decision.verdict = record.verdict == PL_REJECT ? packet::Verdict::kReject : packet::Verdict::kBlock;
  decision.cause = static_cast<packet::Cause>(std::min<uint32_t>(record.cause, 4));
  decision.line = record.line;
  decision.malformed = static_cast<packet::Malformed>(
      std::min<uint32_t>(record.malformed, static_cast<uint32_t>(packet::kMalformedKinds) - 1));
  return true;
}

std::string endpoint(const std::string& address, uint16_t port, bool has_port) {
  if (!has_port) return address;
  return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                : fmt::format("[{}]:{}", address, port);
}

class Listener {
 public:
  Listener(const Words& words, Output& output, hooks::PcapngWriter* writer)
      : words_(words), output_(output), writer_(writer), palette_(1) {}

  void on_event(const std::string& filter, const bpf::Manifest& manifest, const bpf::FilterEvent& event) {
    switch (event.header.kind) {
      case PL_EVENT_LOG:
      case PL_EVENT_MORE:
        return on_log(filter, event);
      case PL_EVENT_ERROR:
        return on_error(filter, event);
      case PL_EVENT_PACKET:
        return on_packet(filter, manifest, event);
      default:
        return;
    }
  }
  /// The capture has all that was shown.
  void flush() {
    if (writer_ == nullptr || failure_) return;
    if (const Result<void> flushed = writer_->flush(); !flushed) failure_ = flushed.error();
  }
  /// Why writing the capture failed.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  void on_log(const std::string& filter, const bpf::FilterEvent& event) {
    const auto& logs = event.attachment->logs;
    if (event.header.site >= logs.size()) return;
    const ir::Site& site = logs[event.header.site];
    const std::string text =
        event.header.kind == PL_EVENT_MORE ? compiler::more_text(event.bytes) : compiler::log_text(site, event.bytes);
    if (words_.json) return report(event, site)->log(origin(filter, event), 0, site.line, text);
    begin_line(filter, event, "log", Colour::kCyan);
    output_.print("  {}  ", site_text(*event.attachment, site));
    append_printable(output_.buffer(), text);
    output_.end_line();
  }

  void on_error(const std::string& filter, const bpf::FilterEvent& event) {
    const auto& errors = event.attachment->errors;
    std::array<uint64_t, 2> values{};
    const bool broken = event.header.site == PL_SITE_BROKEN_PACKET;
    if ((!broken && event.header.site >= errors.size()) || event.bytes.size() < sizeof values) return;
    std::memcpy(values.data(), event.bytes.data(), sizeof values);
    const ir::Site site = broken ? broken_packet(values) : errors[event.header.site];
    const std::string text = ir::error_text(site, values[0], values[1]);
    if (words_.json) {
      return report(event, site)
          ->script_error(origin(filter, event), 0, {file_of(*event.attachment, site), site.line, text, {}});
    }
    begin_line(filter, event, "error", Colour::kYellow);
    output_.print("  {}  ", site_text(*event.attachment, site));
    append_printable(output_.buffer(), text);
    output_.end_line();
  }

  void on_packet(const std::string& filter, const bpf::Manifest& manifest, const bpf::FilterEvent& event) {
    BlockedPacket blocked;
    if (!understand(event, blocked)) return;
    const std::string why = reason(blocked.decision, manifest.script);
    if (writer_ != nullptr && !failure_) {
      const Result<void> written = writer_->write(
          blocked.packet, blocked.packet.bytes,
          fmt::format("perilune {}: {} ({})", filter, packet::to_string(blocked.decision.verdict), printable(why)));
      if (!written) failure_ = written.error();
    }
    if (words_.json) {
      blocked.packet.number = ++packets_;
      return json_report(output_, manifest.script)->packet(origin(filter, event), blocked.packet, blocked.decision);
    }
    const std::string source = source_address(blocked.packet, blocked.location);
    const std::string destination = destination_address(blocked.packet, blocked.location);
    const bool ports = blocked.location.has_ports;
    begin_line(filter, event, packet::to_string(blocked.decision.verdict), Colour::kRed);
    output_.print("  ");
    if (!source.empty()) {
      output_.print("{} > {} ", endpoint(source, blocked.location.source_port, ports),
                    endpoint(destination, blocked.location.destination_port, ports));
    }
    output_.print("{}  {}", protocol_name(blocked.location), printable(why));
    output_.end_line();
  }

  static std::string file_of(const bpf::Attachment& attachment, const ir::Site& site) {
    return site.file < attachment.files.size() ? attachment.files[site.file] : "";
  }
  std::unique_ptr<Report> report(const bpf::FilterEvent& event, const ir::Site& site) {
    return json_report(output_, file_of(*event.attachment, site));
  }
  static Origin origin(const std::string& filter, const bpf::FilterEvent& event) {
    Origin origin;
    origin.filter = filter;
    origin.hook = *event.place;
    origin.cpu = event.header.cpu;
    origin.time_ns = event.header.time_ns;
    return origin;
  }
  void begin_line(const std::string& filter, const bpf::FilterEvent& event, std::string_view what, Colour colour) {
    output_.print("{}  {} {}  {}{:<6}{}", clock_of(event.header.time_ns), filter, printable(*event.place),
                  palette_.start(colour), what, palette_.end(colour));
  }

  const Words& words_;
  Output& output_;
  hooks::PcapngWriter* writer_;
  Palette palette_;
  uint64_t packets_ = 0;  // reported so far, as JSON
  std::optional<Error> failure_;
};

/// The filters listened to, by name.
class Sources {
 public:
  explicit Sources(const Words& words) : words_(words) {}

  /// Opens what is there and not open yet.
  Result<void> refresh(bool first) {
    std::vector<std::string> names = words_.names;
    if (names.empty()) {
      const Result<std::vector<std::string>> all = bpf::installed_names();
      if (!all) return tl::make_unexpected(all.error());
      names = *all;
    }
    for (const std::string& name : names) {
      if (open_.contains(name)) continue;
      Result<bpf::FilterEvents> events = bpf::FilterEvents::open(name);
      if (!events) {
        if (first) return tl::make_unexpected(events.error());
        continue;
      }
      // What was recorded while no program listened; after a reload nothing is old.
      if (first && !words_.backlog) events->read([](const bpf::FilterEvent&) {});
      open_.emplace(name, std::move(*events));
    }
    return {};
  }

  void read(Listener& listener) {
    for (auto at = open_.begin(); at != open_.end();) {
      bpf::FilterEvents& events = at->second;
      const bool outdated = events.outdated();  // asked first: nothing is recorded after that was read
      events.read([&](const bpf::FilterEvent& event) { listener.on_event(at->first, events.manifest(), event); });
      at = outdated ? open_.erase(at) : std::next(at);
    }
  }

  void wait() const {
    std::vector<pollfd> polled;
    for (const auto& [name, events] : open_) {
      for (const int fd : events.descriptors())
        polled.push_back({fd, POLLIN, 0});
    }
    constexpr int kMilliseconds = 200;
    (void)poll(polled.data(), polled.size(), kMilliseconds);
  }
  [[nodiscard]] bool empty() const { return open_.empty(); }

 private:
  const Words& words_;
  std::map<std::string, bpf::FilterEvents> open_;
};

int events(const Words& words) {
  std::unique_ptr<hooks::PcapngWriter> writer;
  Sources sources(words);
  if (const Result<void> opened = sources.refresh(true); !opened) return print_error(opened.error());
  if (!words.write_to.empty()) {
    Result<std::unique_ptr<hooks::PcapngWriter>> made = hooks::PcapngWriter::create(words.write_to);
    if (!made) return print_error(made.error());
    writer = std::move(*made);
  }
  Interruption interruption;
  Output output(1);
  output.flush_each_line(true);
  Listener listener(words, output, writer.get());
  print_to(stderr, "perilune: ready: {}\n", sources.empty() ? "nothing is loaded yet" : "listening, Ctrl-C ends it");
  bool gone = false;
  while (!interruption.stopped() && !output.broken() && !listener.failure() && !gone) {
    sources.wait();
    sources.read(listener);
    listener.flush();
    (void)sources.refresh(false);
    gone = !words.names.empty() && sources.empty();  // unloaded
  }
  output.flush();
  if (listener.failure()) return print_error(*listener.failure());
  if (writer) {
    if (const Result<void> closed = writer->close(); !closed) return print_error(closed.error());
  }
  return output.error() ? print_error(*output.error()) : kDone;
}

}  // namespace

Command add_events(CLI::App& program) {
  CLI::App* app = program.add_subcommand("events", "What loaded filters log and block, live");
  app->formatter(std::make_shared<Help>("Usage: perilune events [NAME...] [OPTIONS]"));
  const auto words = std::make_shared<Words>();
  app->add_option("NAME", words->names, "The filters' names (default: all)");
  app->add_option("-w,--write", words->write_to,
                  "Write blocked packets to a pcapng file, each with its\nreason as comment")
      ->type_name("FILE");
  app->add_flag("--backlog", words->backlog, "Also what was recorded before, while no program listened");
  app->add_flag("--json", words->json, "JSON Lines: an object for each event");
  app->footer(kExamples);
  return {app, [words] { return events(*words); }};
}

}  // namespace perilune::cli
