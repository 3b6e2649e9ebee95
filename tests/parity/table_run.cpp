#include "table_run.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <sstream>

#include <lua.h>

#include "folder.h"
#include "script/state.h"
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
      arguments += texts++ == 0 ? "tostring(pld:segment(18, la))" : "tostring(pld:segment(18 + la, lb))";
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

class TableRun {
 public:
  TableRun(const Options& options, std::vector<std::unique_ptr<Configuration>> configurations)
      : options_(&options), configurations_(std::move(configurations)) {}

  void run(const TableFile& table) {
    const PacketSet packets = table.only_lua ? PacketSet{} : packets_of(table);
    for (const TableScript& script : table.scripts)
      run_script(table, script, packets);
  }

  int finish(double seconds) const {
    for (const auto& [who, count] : cases_)
      fmt::print("{:<16} {:>10} cases {:>6} scripts refused\n", who, count,
                 refused_.contains(who) ? refused_.at(who) : 0);
    fmt::print("{} scripts of tables, {:.1f} s\n", scripts_, seconds);
    fmt::print("{} passed, {} failed\n", passed_, failed_);
    return failed_ == 0 ? 0 : 1;
  }

  void problem(const std::string& what) {
    ++failed_;
    fmt::print("{}\n", what);
  }

 private:
  struct Tally {
    const TableFile& table;
    const TableScript& script;
    std::map<std::string, unsigned> told{};  // by engine
    unsigned differences = 0;
  };

  void differs(Tally& tally, const std::string& who, const std::string& where, const std::string& what) {
    ++tally.differences;
    if (++tally.told[who] > options_->most) return;
    const std::string& constants = tally.script.constants;
    fmt::print("DIFFERS {} [{}] {}{}{}: {}\n", tally.table.name, who, where, constants.empty() ? "" : " with ",
               constants, what);
  }

  static std::string shown(const TableAnswer& answer) {
    return fmt::format("{} [{}]", answer.error ? "error" : "result", answer.text);
  }

  void run_script(const TableFile& table, const TableScript& script, const PacketSet& packets) {
    ++scripts_;
    const std::string body = tell_ + script.text;
    const std::string path = folder_.file(table.name);
    std::ofstream(path, std::ios::binary) << body;
    const auto stock = ask_stock_lua(path, table);
    if (!stock) return problem(stock.error().message);
    Tally tally{table, script};
    compare_lua(tally, path, *stock);
    if (!table.only_lua) {
      std::ofstream(path, std::ios::binary) << body << filter_text(table);
      for (const auto& configuration : configurations_)
        compare_compiled(tally, *configuration, path, packets, *stock);
    }
    ++(tally.differences == 0 ? passed_ : failed_);
  }

  void compare_lua(Tally& tally, const std::string& path, const std::vector<TableAnswer>& stock) {
    LuaTable lua;
    if (const auto opened = lua.open(path); !opened) return differs(tally, "lua", "", opened.error().message);
    const TableFile& table = tally.table;
    for (size_t n = 0; n < table.cases.size(); ++n) {
      const TableAnswer ours = lua.answer(table.cases[n], table.argument_is_text);
      ++cases_["lua"];
      if (ours == stock[n]) continue;
      differs(tally, "lua", shown_case(table.cases[n], table.argument_is_text),
              fmt::format("{}, stock: {}", shown(ours), shown(stock[n])));
    }
  }

  void compare_compiled(Tally& tally, const Configuration& configuration, const std::string& path,
                        const PacketSet& packets, const std::vector<TableAnswer>& stock) {
    const std::string& who = configuration.name;
    auto subject = configuration.open(path);
    const TableFile& table = tally.table;
    if (!subject) {
      const Diagnostic& first = subject.error().front();
      if (!table.may_be_refused || first.code == "cannot-load" || first.code == "compiler-bug")
        differs(tally, who, "", "refused: " + to_text(first));
      ++refused_[who];
      return;
    }
    const PacketSet fed = feed(packets, configuration.feed, [](const StoredPacket&) { return false; });
    std::map<std::string, uint64_t> expected_errors;
    for (size_t n = 0; n < table.cases.size(); ++n) {
      const Observation seen = (*subject)->judge(fed.packets[n]);
      ++cases_[who];
      TableAnswer ours;
      ours.error = seen.cause == packet::Cause::kError;
      std::vector<std::string> lines;
      for (const std::string& log : seen.logs)
        lines.push_back(without_line_number(log));
      ours.text = ours.error ? stock[n].text : joined(lines);  // messages: see below
      if (!seen.judged || !(ours == stock[n])) {
        differs(tally, who, shown_case(table.cases[n], table.argument_is_text),
                fmt::format("{}, stock: {}", seen.judged ? shown(ours) : "not judged", shown(stock[n])));
      } else if (ours.error) {
        ++expected_errors[stock[n].text];
      }
    }
    // Each line of a script keeps the first message seen there.
    for (const ErrorCount& error : (*subject)->errors()) {
      const size_t place = error.place.find(": ");
      const std::string message = place == std::string::npos ? error.place : error.place.substr(place + 2);
      if (!expected_errors.contains(message))
        differs(tally, who, "", "message [" + message + "] is not one of stock's");
    }
  }

  const Options* options_;
  std::vector<std::unique_ptr<Configuration>> configurations_;
  Folder folder_;
  std::string tell_ = content_of(std::string(kFolder) + "/run/tell.lua");
  std::map<std::string, uint64_t> cases_;
  std::map<std::string, uint64_t> refused_;
  uint64_t scripts_ = 0;
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

int run_tables(const Options& options, std::vector<std::unique_ptr<Configuration>> configurations) {
  if (const std::string missing = stock_lua_missing(); !missing.empty()) {
    fmt::print("SKIP the tables of the library: {}\n", missing);
    return 77;
  }
  const auto start = std::chrono::steady_clock::now();
  TableRun run(options, std::move(configurations));
  for (const std::string& path : table_paths(options)) {
    const auto table = read_table_file(path, options.whole, options.seed);
    if (!table) {
      run.problem(table.error().message);
      continue;
    }
    run.run(*table);
    std::fflush(stdout);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return run.finish(took.count());
}

}  // namespace perilune::parity
