// The report for programs: JSON Lines (report.h has the shape).
//
// Packet lines are formatted by hand: there is one for every packet, and nothing in them but the file's and the
// interface's name needs escaping.
#include <utility>

#include "cli/json.h"
#include "cli/report/report.h"

namespace perilune::cli {

namespace {

class JsonReport final : public Report {
 public:
  JsonReport(Output& output, std::string script) : output_(output), script_(std::move(script)) {}

  void packet(const Origin& origin, const packet::Packet& packet, const packet::Decision& decision) override {
    const packet::Location& location = *decision.location;
    output_.print("{{\"packet\":{},\"verdict\":\"{}\"", packet.number, packet::to_string(decision.verdict));
    if (!origin.filter.empty()) {
      output_.print(",\"filter\":{},\"hook\":{},\"cpu\":{}", json_string(origin.filter), json_string(origin.hook),
                    origin.cpu);
    } else if (origin.queue) {
      output_.print(",\"queue\":{}", *origin.queue);
    } else {
      if (origin.file != file_ || file_json_.empty()) {
        file_ = origin.file;
        file_json_ = json_string(file_);
      }
      output_.print(",\"file\":{}", file_json_);
    }
    output_.print(",\"time\":\"{}.{:09}\"", packet.time_ns / 1'000'000'000, packet.time_ns % 1'000'000'000);
    if (decision.line != 0) output_.print(",\"line\":{}", decision.line);
    output_.print(",\"cause\":\"{}\"", packet::to_string(decision.cause));
    if (decision.malformed != packet::Malformed::kNone) {
      output_.print(",\"malformed\":\"{}\"", packet::to_string(decision.malformed));
    }
    const std::string source = source_address(packet, location);
    if (!source.empty()) output_.print(",\"src\":\"{}\",\"dst\":\"{}\"", source, destination_address(packet, location));
    if (location.has_ports)
      output_.print(",\"sport\":{},\"dport\":{}", location.source_port, location.destination_port);
    output_.print(",\"protocol\":\"{}\",\"length\":{}", protocol_name(location), packet.wire_length);
    if (location.fragment) output_.print(",\"fragment\":true");
    if (location.truncated) output_.print(",\"truncated\":true");
    output_.print(",\"direction\":\"{}\"", packet::to_string(packet.direction));
    if (!packet.interface.empty()) output_.print(",\"interface\":{}", json_string(packet.interface));
    if (decision.modified) output_.print(",\"modified\":true");
    if (decision.mark_set) output_.print(",\"mark\":{}", decision.mark);
    output_.buffer().push_back('}');
    output_.end_line();
  }

  void log(const Origin& origin, uint64_t event, uint32_t line, std::string_view text) override {
    Json event_json = at(origin, event);
    event_json["script"] = script_;
    if (line != 0) event_json["line"] = line;
    event_json["text"] = text;
    write({{"log", std::move(event_json)}});
  }

  void script_error(const Origin& origin, uint64_t event, const script::ScriptError& error) override {
    Json event_json = at(origin, event);
    event_json["kind"] = "script";
    event_json["script"] = error.file;
    if (error.line != 0) event_json["line"] = error.line;
    event_json["message"] = error.message;
    event_json["traceback"] = error.traceback;
    write({{"error", std::move(event_json)}});
  }

  void broken(const Error& error) override {
    write({{"error", {{"kind", "capture"}, {"message", error.message}, {"hint", error.hint}}}});
    output_.flush();
    print_error(error);
  }

  void summary(const Summary& summary) override {
    const engine::Statistics& s = summary.statistics;
    Json malformed = Json::object();
    for (size_t i = 1; i < s.malformed.size(); ++i) {
      if (s.malformed[i] != 0)
        malformed[std::string(packet::to_string(static_cast<packet::Malformed>(i)))] = s.malformed[i];
    }
    Json errors = Json::array();
    for (const engine::ErrorLog::Entry& entry : summary.errors) {
      errors.push_back({{"script", entry.error.file},
                        {"line", entry.error.line},
                        {"message", entry.error.message},
                        {"count", entry.count},
                        {"first_packet", entry.first_event}});
    }
    const double rate = summary.seconds > 0 ? static_cast<double>(s.packets) / summary.seconds : 0;
    Json body = {{"packets", s.packets},
                 {"passed", s.passed},
                 {"blocked", s.blocked},
                 {"rejected", s.rejected},
                 {"replied", s.replied},
                 {"modified", s.modified},
                 {"not_ip", s.not_ip},
                 {"truncated", s.truncated},
                 {"malformed", std::move(malformed)},
                 {"script_errors", s.errors},
                 {"errors", std::move(errors)},
                 {"seconds", summary.seconds},
                 {"packets_per_second", static_cast<uint64_t>(rate)},
                 {"engine", summary.engine},
                 {"explanation", summary.explanation},
                 {"interrupted", summary.interrupted},
                 {"capture_problems", summary.problems}};
    if (summary.queue) {
      body["queue"] = {{"overruns", summary.queue->overruns},
                       {"dropped_kernel", summary.queue->dropped_kernel},
                       {"dropped_user", summary.queue->dropped_user},
                       {"reply_failures", summary.queue->reply_failures},
                       {"verdict_failures", summary.queue->verdict_failures},
                       {"failed_calls", summary.queue->failed_calls},
                       {"trains", summary.queue->trains},
                       {"unjudged", summary.queue->unjudged}};
      body["lost_lines"] = summary.lost_lines;
      body["lost_error_lines"] = summary.lost_error_lines;
    }
    write({{summary.final ? "summary" : "statistics", std::move(body)}});
    output_.flush();
  }

 private:
  void write(const Json& json) {
    output_.print("{}", to_line(json));
    output_.end_line();
  }
  static Json at(const Origin& origin, uint64_t event) {
    Json json = Json::object();
    if (!origin.filter.empty()) {
      json["filter"] = origin.filter;
      json["hook"] = origin.hook;
      json["cpu"] = origin.cpu;
      json["time"] = fmt::format("{}.{:09}", origin.time_ns / 1'000'000'000, origin.time_ns % 1'000'000'000);
    }
    if (event == 0) return json;
    json["packet"] = event;
    if (origin.queue) {
      json["queue"] = *origin.queue;
    } else if (!origin.file.empty()) {
      json["file"] = origin.file;
    }
    return json;
  }

  Output& output_;
  std::string script_;
  std::string file_;
  std::string file_json_;
};

}  // namespace

std::unique_ptr<Report> json_report(Output& output, std::string script) {
  return std::make_unique<JsonReport>(output, std::move(script));
}

}  // namespace perilune::cli
