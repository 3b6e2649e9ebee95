#include "table_run.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <utility>

#include <lua.h>

#include "folder.h"
#include "jobs.h"
#include "script/state/state.h"
#include "subject.h"
#include "table_file.h"
#include "table_oracle.h"

namespace perilune::parity {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolder = PERILUNE_SOURCE_DIR "/tests/parity/tables";
constexpr size_t kHeaders = 14 + 20 + 8;
constexpr size_t kBehind = 24;  // bytes behind the record, which a case must not see

/// An Ethernet frame with a UDP packet of that payload.
std::vector<uint8_t> frame_with(const std::string& payload) {
  const size_t udp = 8 + payload.size();
  const size_t ip = 20 + udp;
  std::vector<uint8_t> frame{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
  const auto byte = [](size_t value) { return static_cast<uint8_t>(value); };
  frame.insert(frame.end(), {0x45, 0, byte(ip >> 8U), byte(ip), 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2});
  frame.insert(frame.end(), {0x10, 0, 0x20, 0, byte(udp >> 8U), byte(udp), 0, 0});
  for (const char c : payload)
    frame.push_back(static_cast<uint8_t>(c));
  return frame;
}

PacketSet packets_of(const TableFile& table) {
  PacketSet set;
  set.sources.push_back(table.name);
  for (const TableCase& one : table.cases) {
    const std::vector<uint8_t> frame = frame_with(record_of(one) + std::string(kBehind, '7'));
    packet::Packet packet;
    packet.bytes = frame;
    packet.wire_length = frame.size();
    packet.direction = packet::Direction::kIn;
    set.add(packet, 0);
  }
  return set;
}

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

/// The entry point of a script that reads its arguments from a packet.
std::string filter_text(const TableFile& table) {
  std::string arguments;
  size_t texts = 0;
  size_t integers = 0;
  for (const bool is_text : table.argument_is_text) {
    if (!arguments.empty()) arguments += ", ";
    if (is_text) {
      const std::string_view view = texts++ == 0 ? "pld:segment(18, la)" : "pld:segment(18 + la, lb)";
      arguments += table.has_views ? std::string(view) : fmt::format("tostring({})", view);
    } else {
      arguments += fmt::format("pld:getint64({})", 8 * integers++);
    }
  }
  return fmt::format(
      "function filter(hdr, pld, pkt)\n"
      "  local la, lb = math.min(pld:getuint8(16), 200), math.min(pld:getuint8(17), 200)\n"
      "  case({})\n"
      "  return true\n"
      "end\n",
      arguments);
}

std::string without_line_number(const std::string& log) {
  return log.substr(log.find(": ") + 2);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines)
    text += (text.empty() ? "" : "\n") + line;
  return text;
}

/// Is the message of compiled code one of stock's? A message carries two numbers of a packet: of three, the last, a
/// size, is left out.
bool is_expected(const std::set<std::string>& expected, const std::string& message) {
  constexpr std::string_view kUnsized = "the data's)";
  if (!message.ends_with(kUnsized)) return expected.contains(message);
  const std::string_view begin = std::string_view(message).substr(0, message.size() - kUnsized.size());
  return std::ranges::any_of(expected, [begin](const std::string& one) { return one.starts_with(begin); });
}

/// The lua engine without packets: the function case() with its arguments.
class LuaTable : public script::EventSink, public script::Arguments {
 public:
  Result<void> open(const std::string& path) {
    script::Options options;
    options.function = "case";
    options.events = this;
    auto state = script::State::load_file(path, options);
    if (!state) return input_error(to_text(state.error().front()));
    state_ = std::move(*state);
    return {};
  }

  TableAnswer answer(const TableCase& one, const std::vector<bool>& argument_is_text) {
    one_ = &one;
    is_text_ = &argument_is_text;
    lines_.clear();
    const bool fine = state_->call(*this, 1);
    TableAnswer answer{!fine, fine ? joined(lines_) : state_->error().message};
    if (fine) state_->finish();
    return answer;
  }

 private:
  void on_log(uint64_t /*event*/, uint32_t /*line*/, std::string_view text) override { lines_.emplace_back(text); }
  int push(lua_State* L, int /*wanted*/) override {
    size_t texts = 0;
    size_t integers = 0;
    for (const bool is_text : *is_text_) {
      if (is_text) {
        const std::string& text = one_->texts[texts++];
        lua_pushlstring(L, text.data(), text.size());
      } else {
        lua_pushinteger(L, one_->integers[integers++]);
      }
    }
    return static_cast<int>(is_text_->size());
  }

  std::unique_ptr<script::State> state_;
  const TableCase* one_ = nullptr;
  const std::vector<bool>* is_text_ = nullptr;
  std::vector<std::string> lines_;
};

/// The cases of a table as packets, made when the first script of it runs and shared by its scripts.
class TablePackets {
 public:
  const PacketSet& as(const TableFile& table, Feed how) {
    const std::lock_guard lock(mutex_);
    auto& packets = fed_[static_cast<size_t>(how)];
    if (!packets) packets = feed(packets_of(table), how, [](const StoredPacket&) { return false; });
    return *packets;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    for (auto& packets : fed_)
      packets.reset();
  }

 private:
  std::mutex mutex_;
  std::array<std::optional<PacketSet>, kFeeds> fed_;
};

/// What one script of a table came to.
struct ScriptResult {
  std::vector<std::string> lines;           // the first differences of each engine
  std::map<std::string, uint64_t> cases;    // by engine
  std::map<std::string, uint64_t> refused;  // by engine
  std::map<std::string, unsigned> told;     // by engine
  uint64_t differences = 0;
};

/// A script of a table in stock Lua, in ours and compiled.
class ScriptRun {
 public:
  ScriptRun(const Options& options, const TableFile& table, const TableScript& script, TablePackets& packets)
      : options_(options), table_(table), script_(script), packets_(packets) {}

  ScriptResult run(const Folder& folder, const std::vector<std::unique_ptr<Configuration>>& configurations) {
    const std::string body = tell_function() + script_.text;
    const std::string path = folder.file(table_.name);
    std::ofstream(path, std::ios::binary) << body;
    auto stock = ask_stock_lua(path, table_);
    if (!stock) {
      differs("stock", "", stock.error().message);
      return std::move(result_);
    }
    stock_ = std::move(*stock);
    if (!table_.has_views) compare_lua(path);
    if (!table_.only_lua) {
      std::ofstream(path, std::ios::binary) << body << filter_text(table_);
      if (table_.has_views)
        compare_compiled(*lua_configuration(Feed::kAsCaptured, Terms{}), path);  // views need packets
      for (const auto& configuration : configurations)
        compare_compiled(*configuration, path);
    }
    return std::move(result_);
  }

 private:
  static const std::string& tell_function() {
    static const std::string text = content_of(std::string(kFolder) + "/run/tell.lua");
    return text;
  }

  void differs(const std::string& who, const std::string& where, const std::string& what) {
    ++result_.differences;
    if (++result_.told[who] > options_.most) return;
    const std::string& constants = script_.constants;
    result_.lines.push_back(fmt::format("DIFFERS {} [{}] {}{}{}: {}", table_.name, who, where,
                                        constants.empty() ? "" : " with ", constants, what));
  }

  static std::string shown(const TableAnswer& answer) {
    return fmt::format("{} [{}]", answer.error ? "error" : "result", answer.text);
  }

  void compare_lua(const std::string& path) {
    LuaTable lua;
    if (const auto opened = lua.open(path); !opened) return differs("lua", "", opened.error().message);
    for (size_t n = 0; n < table_.cases.size(); ++n) {
      const TableAnswer ours = lua.answer(table_.cases[n], table_.argument_is_text);
      ++result_.cases["lua"];
      if (ours == stock_[n]) continue;
      differs("lua", shown_case(table_.cases[n], table_.argument_is_text),
              fmt::format("{}, stock: {}", shown(ours), shown(stock_[n])));
    }
  }

  void compare_compiled(const Configuration& configuration, const std::string& path) {
    const std::string& who = configuration.name;
    auto subject = configuration.open(path);
    if (!subject) {
      const Diagnostic& first = subject.error().front();
      const bool cannot_write = !configuration.may_write && first.code == "read-only-hook";
      if (cannot_write) return;
      if (!table_.may_be_refused || first.code == "cannot-load" || first.code == "compiler-bug")
        differs(who, "", "refused: " + to_text(first));
      ++result_.refused[who];
      return;
    }
    const PacketSet& fed = packets_.as(table_, configuration.feed);
    std::set<std::string> expected_errors;
    for (size_t n = 0; n < table_.cases.size(); ++n) {
      const Observation seen = (*subject)->judge(fed.packets[n]);
      ++result_.cases[who];
      TableAnswer ours;
      ours.error = seen.cause == packet::Cause::kError;
      std::vector<std::string> lines;
      for (const std::string& log : seen.logs)
        lines.push_back(without_line_number(log));
      ours.text = ours.error ? stock_[n].text : joined(lines);  // messages: see below
      if (!seen.judged || !(ours == stock_[n])) {
        differs(who, shown_case(table_.cases[n], table_.argument_is_text),
                fmt::format("{}, stock: {}", seen.judged ? shown(ours) : "not judged", shown(stock_[n])));
      } else if (ours.error) {
        expected_errors.insert(stock_[n].text);
      }
    }
    // Each line of a script keeps the first message seen there.
    for (const ErrorCount& error : (*subject)->errors()) {
      const size_t place = error.place.find(": ");
      const std::string message = place == std::string::npos ? error.place : error.place.substr(place + 2);
      if (!is_expected(expected_errors, message)) differs(who, "", "message [" + message + "] is not one of stock's");
    }
  }

  const Options& options_;
  const TableFile& table_;
  const TableScript& script_;
  TablePackets& packets_;
  std::vector<TableAnswer> stock_;
  ScriptResult result_;
};

/// All scripts of all tables, several beside each other.
class TableRun {
 public:
  TableRun(const Options& options, const ConfigurationsMaker& make) : options_(options), folders_(options.jobs) {
    for (unsigned job = 0; job < options.jobs; ++job)
      configurations_.push_back(make(job == 0));
  }

  void add(TableFile table) { tables_.push_back({std::move(table), std::make_unique<TablePackets>()}); }

  void problem(const std::string& what) {
    ++failed_;
    fmt::print("{}\n", what);
  }

  void run() {
    for (const Table& table : tables_) {
      for (const TableScript& script : table.file.scripts)
        scripts_.push_back({&table, &script, {}});
    }
    in_parallel(
        options_.jobs, scripts_.size(),
        [this](unsigned job, uint64_t number) {
          Script& one = scripts_[number];
          ScriptRun script(options_, one.table->file, *one.script, *one.table->packets);
          one.result = script.run(folders_[job], configurations_[job]);
        },
        [this](uint64_t number) { tell(number); });
  }

  int finish(double seconds) const {
    for (const auto& [who, count] : cases_)
      fmt::print("{:<16} {:>10} cases {:>6} scripts refused\n", who, count,
                 refused_.contains(who) ? refused_.at(who) : 0);
    fmt::print("{} scripts of tables, {:.1f} s\n", scripts_.size(), seconds);
    fmt::print("{} passed, {} failed\n", passed_, failed_);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  struct Table {
    TableFile file;
    std::unique_ptr<TablePackets> packets;
  };
  struct Script {
    const Table* table;
    const TableScript* script;
    ScriptResult result;
  };

  void tell(uint64_t number) {
    const Script& one = scripts_[number];
    const ScriptResult result = std::exchange(scripts_[number].result, {});
    for (const std::string& line : result.lines)
      fmt::print("{}\n", line);
    for (const auto& [who, count] : result.cases)
      cases_[who] += count;
    for (const auto& [who, count] : result.refused)
      refused_[who] += count;
    ++(result.differences == 0 ? passed_ : failed_);
    const bool last = number + 1 == scripts_.size() || scripts_[number + 1].table != one.table;
    if (!last) return;
    one.table->packets->forget();
    if (options_.progress) fmt::print(stderr, "{}: done, {} failed so far\n", one.table->file.name, failed_);
    std::fflush(stdout);
  }

  const Options& options_;
  std::vector<Folder> folders_;                                              // by job
  std::vector<std::vector<std::unique_ptr<Configuration>>> configurations_;  // by job
  std::deque<Table> tables_;
  std::vector<Script> scripts_;
  std::map<std::string, uint64_t> cases_;
  std::map<std::string, uint64_t> refused_;
  uint64_t passed_ = 0;
  uint64_t failed_ = 0;
};

std::vector<std::string> table_paths(const Options& options) {
  if (!options.scripts.empty()) return options.scripts;
  std::vector<std::string> paths;
  for (const fs::directory_entry& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".lua") paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

}  // namespace

int run_tables(const Options& options, const ConfigurationsMaker& make) {
  if (const std::string missing = stock_lua_missing(); !missing.empty()) {
    fmt::print("SKIP the tables of the library: {}\n", missing);
    return 77;
  }
  const auto start = std::chrono::steady_clock::now();
  TableRun run(options, make);
  for (const std::string& path : table_paths(options)) {
    auto table = read_table_file(path, options.whole, options.seed);
    if (table) {
      run.add(std::move(*table));
    } else {
      run.problem(table.error().message);
    }
  }
  run.run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return run.finish(took.count());
}

}  // namespace perilune::parity
