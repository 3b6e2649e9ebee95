#include "cli/report/kernel_report.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/realtime.h"
#include "bpf/hook.h"
#include "cli/stream.h"
#include "cli/terminal.h"
#include "cli/units.h"
#include "engine/script_program.h"
#include "packet/record.h"

namespace perilune::cli {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

std::string_view map_type(ir::MapType type) {
  constexpr std::array<std::string_view, 4> kNames{"hash", "lru", "lpm", "array"};
  return kNames[static_cast<size_t>(type)];
}

Json options_json(const bpf::FilterOptions& options) {
  return {{"function", options.function},
          {"default", packet::to_string(options.policy.on_default)},
          {"on_error", packet::to_string(options.policy.on_error)},
          {"malformed", packet::to_string(options.policy.on_malformed)},
          {"non_ip", packet::to_string(options.policy.non_ip)},
          {"instructions", options.instructions}};
}

Json attachment_json(const bpf::AttachmentState& state) {
  Json json = {{"hook", state.place}, {"attached", state.attached}};
  if (!state.remark.empty()) json["problem"] = state.remark;
  if (!state.usage.empty()) json["usage"] = state.usage;
  if (!state.now.netns.empty()) json["netns"] = state.now.netns;
  if (state.ifindex != 0) json["ifindex"] = state.ifindex;
  if (state.mode != bpf::XdpMode::kNone) json["mode"] = bpf::to_string(state.mode);
  if (state.record.point.priority) json["priority"] = *state.record.point.priority;
  json["engine"] = "kernel";
  json["program_id"] = state.record.program_id;
  json["instructions"] = state.record.insns;
  json["verified_instructions"] = state.record.verified_insns;
  if (state.program) json["machine_code_bytes"] = state.program->machine_bytes;
  json["memory"] = state.memory;
  json["load_ms"] = static_cast<double>(state.record.load_ns) / 1e6;
  json["counters"] = counters_json(state.counters);
  return json;
}

}  // namespace

Json counters_json(const std::array<uint64_t, PL_COUNTERS>& counters) {
  return {{"packets", counters[PL_COUNT_PACKETS]},        {"passed", counters[PL_COUNT_PASS]},
          {"blocked", counters[PL_COUNT_BLOCK]},          {"rejected", counters[PL_COUNT_REJECT]},
          {"replied", counters[PL_COUNT_REPLY]},          {"modified", counters[PL_COUNT_MODIFIED]},
          {"no_opinion", counters[PL_COUNT_NO_OPINION]},  {"errors", counters[PL_COUNT_ERROR]},
          {"malformed", counters[PL_COUNT_MALFORMED]},    {"not_ip", counters[PL_COUNT_NOT_IP]},
          {"too_long", counters[PL_COUNT_TOO_LONG]},      {"no_slot", counters[PL_COUNT_NO_SLOT]},
          {"lost_events", counters[PL_COUNT_LOST_EVENTS]}};
}

Json filter_json(const bpf::FilterState& state) {
  Json json = {{"name", state.name}};
  if (!state.problem.empty()) json["problem"] = state.problem;
  if (state.unfinished) json["unfinished"] = true;
  if (state.under_way) json["under_way"] = true;
  if (state.manifest.name.empty()) return json;
  const bpf::Manifest& manifest = state.manifest;
  json["script"] = manifest.script;
  json["loaded"] = time_text(manifest.first_time_ns);
  if (manifest.reloads != 0) {
    json["reloaded"] = time_text(manifest.time_ns);
    json["reloads"] = manifest.reloads;
  }
  json["options"] = options_json(manifest.options);
  json["compile_ms"] = static_cast<double>(manifest.compile_ns) / 1e6;
  json["memory"] = state.memory();
  json["counters"] = counters_json(state.counters());
  json["hooks"] = Json::array();
  for (const bpf::AttachmentState& attachment : state.attachments)
    json["hooks"].push_back(attachment_json(attachment));
  json["maps"] = Json::array();
  for (const bpf::MapState& map : state.maps) {
    Json one = {{"name", map.declaration.name},
                {"type", map_type(map.declaration.type)},
                {"size", map.declaration.entries},
                {"memory", map.memory}};
    if (map.counted) one["entries"] = map.entries;
    json["maps"].push_back(std::move(one));
  }
  return json;
}

Json stray_json(const bpf::Stray& stray) {
  return {{"link_id", stray.link_id}, {"program", stray.program}, {"where", stray.where}};
}

std::string mode_text(const bpf::AttachmentState& state) {
  return state.record.point.hook->way(state.record, state.mode);
}

std::string age_text(uint64_t time_ns) {
  const uint64_t now_s = realtime_ns() / kSecond;
  const uint64_t then_s = time_ns / kSecond;
  const uint64_t seconds = now_s > then_s ? now_s - then_s : 0;
  constexpr uint64_t kMinute = 60;
  constexpr uint64_t kHour = 60 * kMinute;
  constexpr uint64_t kDay = 24 * kHour;
  if (seconds < 2 * kMinute) return fmt::format("{} s", seconds);
  if (seconds < 2 * kHour) return fmt::format("{} min", seconds / kMinute);
  if (seconds < 2 * kDay) return fmt::format("{} h", seconds / kHour);
  return fmt::format("{} days", seconds / kDay);
}

std::string time_text(uint64_t time_ns) {
  const auto seconds = static_cast<time_t>(time_ns / kSecond);
  tm broken{};
  localtime_r(&seconds, &broken);
  std::array<char, 32> text{};
  (void)strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &broken);
  return text.data();
}

std::string site_text(const bpf::Attachment& attachment, const ir::Site& site) {
  const std::string file = site.file < attachment.files.size() ? attachment.files[site.file] : "?";
  return fmt::format("{}:{}", printable(file), site.line);
}

std::vector<CountedError> counted_errors(const bpf::AttachmentState& attachment) {
  std::vector<CountedError> list;
  const auto& sites = attachment.record.errors;
  for (size_t i = 0; i < attachment.errors.size() && i < sites.size(); ++i) {
    if (attachment.errors[i] == 0) continue;
    std::string message = sites[i].text;
    for (const std::string_view hole : {"{0}", "{1}"}) {
      for (size_t at = message.find(hole); at != std::string::npos; at = message.find(hole, at))
        message.replace(at, hole.size(), "...");
    }
    list.push_back({site_text(attachment.record, sites[i]), std::move(message), attachment.errors[i]});
  }
  const std::string script = attachment.record.files.empty() ? "?" : printable(attachment.record.files.front());
  if (attachment.later_errors != 0) list.push_back({script, "other errors", attachment.later_errors});
  if (attachment.broken_packets != 0) {
    list.push_back({script, "what the script wrote malformed the packet, or made it too long (events say which)",
                    attachment.broken_packets});
  }
  return list;
}

ir::Site broken_packet(std::span<const uint64_t, 2> values) {
  if (values[0] == PL_BROKEN_TRAIN)
    return {0, static_cast<uint32_t>(values[1]),
            "the packet is one of several UDP datagrams with one header: only its payload can be written to, and keeps "
            "its length"};
  if (values[0] == PL_BROKEN_NO_ROOM)
    return {0, static_cast<uint32_t>(values[1]),
            "the packet with its new payload does not fit into the interface's MTU, or into the buffer it came in"};
  const auto malformed = static_cast<packet::Malformed>(values[0] < packet::kMalformedKinds ? values[0] : 0);
  return {0, static_cast<uint32_t>(values[1]),
          malformed != packet::Malformed::kNone ? engine::malformed_by_script(malformed)
                                                : "what the script wrote could not be put into the packet"};
}

Table::Table(std::vector<std::string> head, std::vector<bool> right) : right_(std::move(right)) {
  rows_.push_back(std::move(head));
}

void Table::add(std::vector<std::string> row) {
  rows_.push_back(std::move(row));
}

void Table::print() const {
  std::vector<size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  const Palette palette(1);
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (size_t i = 0; i < rows_[r].size(); ++i) {
      const bool last = i + 1 == rows_[r].size();
      if (right_[i]) {
        line += fmt::format("{:>{}}", rows_[r][i], widths[i]);
      } else {
        line += last ? rows_[r][i] : fmt::format("{:<{}}", rows_[r][i], widths[i]);
      }
      if (!last) line += "  ";
    }
    print_to(stdout, "{}\n", r == 0 ? palette.paint(Colour::kBold, line) : line);
  }
}

}  // namespace perilune::cli
