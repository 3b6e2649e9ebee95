#include "engine_subject.h"

#include <algorithm>

#include "base/latest_time.h"
#include "script/maps/map_store.h"

namespace perilune::parity {
namespace {

class LogCollector final : public engine::Observer {
 public:
  void on_log(uint64_t, uint32_t line, std::string_view text) override {
    lines_.push_back(fmt::format("{}: {}", line, text));
  }
  void on_error(uint64_t, const script::ScriptError&) override {}
  std::vector<std::string> take() { return std::exchange(lines_, {}); }

 private:
  std::vector<std::string> lines_;
};

class EngineSubject final : public Subject {
 public:
  static tl::expected<std::unique_ptr<Subject>, Diagnostics> open(const std::string& script,
                                                                  const engine::Options& options) {
    auto subject = std::make_unique<EngineSubject>();
    auto program = engine::open(script, options, subject->logs_);
    if (!program) return tl::make_unexpected(std::move(program.error()));
    subject->program_ = std::move(*program);
    auto worker = subject->program_->packet_worker(0);
    if (!worker) return tl::make_unexpected(std::move(worker.error()));
    subject->worker_ = std::move(*worker);
    return subject;
  }

  Observation judge(const StoredPacket& stored) override {
    if (stored.packet.time_ns < kLatestTime) now_ns_ = std::max(now_ns_, stored.packet.time_ns);
    const packet::Decision decision = worker_->judge(stored.packet);
    Observation seen;
    seen.verdict = decision.verdict;
    seen.cause = decision.cause;
    seen.line = decision.line;
    seen.bytes = decision.modified ? decision.bytes : stored.packet.bytes;
    if (decision.mark_set) seen.mark = decision.mark;
    seen.logs = logs_.take();
    return seen;
  }

  std::vector<MapContents> maps() override {
    std::vector<MapContents> all;
    for (script::Map* map : program_->maps().maps())
      all.push_back(contents_of(*map, now_ns_));
    return all;
  }

  std::vector<ErrorCount> errors() override {
    std::vector<ErrorCount> all;
    for (const engine::ErrorLog::Entry& entry : program_->errors().entries()) {
      all.push_back({fmt::format("{}:{}: {}", entry.error.file, entry.error.line, entry.error.message), entry.count});
    }
    return all;
  }

 private:
  LogCollector logs_;
  std::unique_ptr<engine::Program> program_;
  std::unique_ptr<engine::PacketWorker> worker_;
  uint64_t now_ns_ = 0;
};

}  // namespace

MapContents contents_of(script::Map& map, uint64_t now_ns) {
  MapContents contents;
  contents.name = map.declaration().name;
  for (const script::Map::Entry& entry : map.entries(now_ns)) {
    contents.entries.push_back(map.key_text(entry.key) + " = " + map.value_text(entry.value));
  }
  std::ranges::sort(contents.entries);
  return contents;
}

engine::Options comparable_options(engine::Kind kind, const Terms& terms) {
  engine::Options options;
  options.kind = kind;
  options.record_lines = true;
  options.packet_time = true;
  options.seed = terms.seed;
  options.limits.call_instructions = terms.instructions;
  options.limits.call_time = std::chrono::milliseconds(60'000);  // the count of instructions is what ends a script
  return options;
}

EngineConfiguration::EngineConfiguration(std::string engine_name, Feed how, engine::Options options)
    : options_(std::move(options)) {
  name = std::move(engine_name);
  feed = how;
}

tl::expected<std::unique_ptr<Subject>, Diagnostics> EngineConfiguration::open(const std::string& script) const {
  return EngineSubject::open(script, options_);
}

std::string EngineConfiguration::unavailable() const {
  LogCollector nobody;
  const auto program = engine::open("-", options_, nobody);
  const bool missing = !program && program.error().front().code == "engine-not-built";
  return missing ? program.error().front().message : std::string();
}

}  // namespace perilune::parity
