#include "cli/testing/compare.h"

#include <algorithm>

#include "cli/report/report.h"
#include "cli/terminal.h"
#include "cli/testing/compare_after.h"
#include "script/state/text.h"

namespace perilune::cli {
namespace {

constexpr size_t kMostFailures = 20;  // of one kind; the rest is only counted

/// Collects failures, and stops repeating itself.
class Failures {
 public:
  void add(std::string text) {
    if (++count_ <= kMostFailures) texts_.push_back(std::move(text));
  }
  void close_section() {
    if (count_ > kMostFailures) texts_.push_back(fmt::format("... and {} more like these", count_ - kMostFailures));
    count_ = 0;
  }
  [[nodiscard]] std::vector<std::string> take() { return std::move(texts_); }

 private:
  std::vector<std::string> texts_;
  size_t count_ = 0;
};

void compare_verdicts(const TestCase& test, const TestOutcome& outcome, Failures& failures) {
  const ExpectedVerdicts& expected = *test.verdicts;
  std::map<packet::Verdict, uint64_t> counts;
  std::set<uint64_t> seen;
  for (const PacketOutcome& packet : outcome.packets) {
    ++counts[packet.decision.verdict];
    seen.insert(packet.packet.number);
    const auto named = expected.packets.find(packet.packet.number);
    std::optional<packet::Verdict> wanted = expected.others;
    if (named != expected.packets.end()) wanted = named->second;
    if (!wanted || *wanted == packet.decision.verdict) continue;
    failures.add(fmt::format("packet {} ({}): expected {}, got {} ({})", packet.packet.number, packet.description,
                             packet::to_string(*wanted), packet::to_string(packet.decision.verdict),
                             reason(packet.decision, test.script)));
  }
  for (const auto& [number, verdict] : expected.packets) {
    if (!seen.contains(number)) {
      failures.add(
          fmt::format("packet {}: expected {}, but there is no such packet", number, packet::to_string(verdict)));
    }
  }
  if (expected.complete && outcome.packets.size() > expected.packets.size()) {
    failures.add(fmt::format("expected {} verdicts, got {} packets (others = 'pass' would cover the rest)",
                             expected.packets.size(), outcome.packets.size()));
  }
  for (const auto& [verdict, count] : expected.counts) {
    if (counts[verdict] != count) {
      failures.add(
          fmt::format("expected {} packets with {}, got {}", count, packet::to_string(verdict), counts[verdict]));
    }
  }
  failures.close_section();
}

void compare_after(TestFile& file, const TestCase& test, const TestOutcome& outcome, Failures& failures) {
  for (const auto& [wanted_number, expected] : test.after) {
    const uint64_t number = wanted_number;  // clang 14 cannot capture a structured binding
    const auto found = std::find_if(outcome.packets.begin(), outcome.packets.end(),
                                    [&](const PacketOutcome& packet) { return packet.packet.number == number; });
    if (found == outcome.packets.end()) {
      failures.add(fmt::format("after[{}]: there is no such packet", number));
      continue;
    }
    packet::Packet packet = found->packet;
    packet.bytes = found->bytes;
    if (found->decision.modified) packet.wire_length = found->bytes.size();
    if (found->decision.mark_set) packet.mark = found->decision.mark;
    if (expected.function) {
      const std::string problem = file.call_after(test, number, packet);
      if (!problem.empty()) failures.add(fmt::format("packet {} after: {}", number, problem));
      continue;
    }
    for (const std::string& difference : after_differences(expected.wanted, packet, found->decision)) {
      failures.add(fmt::format("packet {} after: {}", number, difference));
    }
  }
  failures.close_section();
}

void compare_map(const std::string& name, const LuaValue& wanted, script::Map& map, uint64_t now_ns,
                 Failures& failures) {
  std::map<std::string, std::string> expected;
  if (wanted.table() == nullptr) {
    expected.emplace("", script::escaped_bytes(wanted.text()));  // a counter without a key
  } else {
    for (const auto& [key, value] : *wanted.table())
      expected.emplace(script::escaped_bytes(key.text()), script::escaped_bytes(value.text()));
  }
  const auto place = [&](const std::string& key) { return key.empty() ? name : fmt::format("{}[{}]", name, key); };
  for (const script::Map::Entry& entry : map.entries(now_ns)) {
    const std::string key = map.key_text(entry.key);
    const std::string value = map.value_text(entry.value);
    const auto found = expected.find(key);
    if (found == expected.end()) {
      failures.add(fmt::format("map {}: expected no entry, got {}", place(key), value));
      continue;
    }
    if (found->second != value)
      failures.add(fmt::format("map {}: expected {}, got {}", place(key), found->second, value));
    expected.erase(found);
  }
  for (const auto& [key, value] : expected) {
    // An array's and a counter's zeros are there without an entry.
    const bool zero_is_nothing =
        map.declaration().kind == script::MapKind::kArray || map.declaration().kind == script::MapKind::kCounter;
    if (zero_is_nothing && value == "0") continue;
    failures.add(fmt::format("map {}: expected {}, got nothing", place(key), value));
  }
}

void compare_maps(const TestCase& test, const TestOutcome& outcome, const script::MapStore& maps, Failures& failures) {
  if (test.maps.is_nil()) return;
  for (const auto& [name, wanted] : *test.maps.table()) {
    script::Map* map = maps.find(name.text());
    if (map == nullptr) {
      std::string known;
      for (const script::Map* other : maps.maps())
        known += (known.empty() ? "" : ", ") + other->declaration().name;
      failures.add(fmt::format("map {}: the script declares none of that name ({})", name.text(),
                               known.empty() ? "it declares no maps" : "it declares " + known));
      continue;
    }
    compare_map(name.text(), wanted, *map, outcome.now_ns, failures);
  }
  failures.close_section();
}

/// A log line fits a string (its text), or a table of what is to be compared: packet, line, text. What the script
/// logged was made fit for terminals; so is the expected text before it is compared.
std::string log_mismatch(const LuaValue& wanted, const LogLine& line) {
  const auto text_differs = [&](const LuaValue& text) {
    const std::string expected = script::log_line(text.text());
    return expected == line.text ? "" : fmt::format("expected '{}', got '{}'", expected, line.text);
  };
  if (wanted.table() == nullptr) return text_differs(wanted);
  const auto differs = [](const LuaValue& number, uint64_t got) {
    return !number.is_nil() && (number.integer() == nullptr || static_cast<uint64_t>(*number.integer()) != got);
  };
  const LuaValue& text = wanted.field("text");
  if (!text.is_nil()) {
    if (std::string difference = text_differs(text); !difference.empty()) return difference;
  }
  if (differs(wanted.field("packet"), line.packet)) {
    return fmt::format("expected it at packet {}, got it at packet {}", wanted.field("packet").text(), line.packet);
  }
  if (differs(wanted.field("line"), line.line)) {
    return fmt::format("expected it in line {}, got it in line {}", wanted.field("line").text(), line.line);
  }
  return "";
}

void compare_logs(const TestCase& test, const TestOutcome& outcome, Failures& failures) {
  if (test.logs.is_nil()) return;
  const auto wanted = static_cast<size_t>(test.logs.length());
  for (size_t i = 0; i < std::max(wanted, outcome.logs.size()); ++i) {
    if (i >= outcome.logs.size()) {
      const LuaValue& missing = test.logs.element(static_cast<int64_t>(i + 1));
      const std::string text = missing.table() == nullptr ? missing.text() : missing.field("text").text();
      failures.add(fmt::format("log {}: expected '{}', got no more logs", i + 1, text));
    } else if (i >= wanted) {
      failures.add(fmt::format("log {}: expected no more logs, got '{}' (packet {})", i + 1, outcome.logs[i].text,
                               outcome.logs[i].packet));
    } else if (const std::string mismatch =
                   log_mismatch(test.logs.element(static_cast<int64_t>(i + 1)), outcome.logs[i]);
               !mismatch.empty()) {
      failures.add(fmt::format("log {}: {}", i + 1, mismatch));
    }
  }
  failures.close_section();
}

/// A script error fits a string (a part of its message), or a table: message (a part of it), line, count.
bool fits(const LuaValue& wanted, const engine::ErrorLog::Entry& entry) {
  const bool is_table = wanted.table() != nullptr;
  const LuaValue& message = is_table ? wanted.field("message") : wanted;
  if (!message.is_nil() && entry.error.message.find(script::printable(message.text())) == std::string::npos) {
    return false;
  }
  if (!is_table) return true;
  const auto equal = [](const LuaValue& number, uint64_t got) {
    return number.is_nil() || (number.integer() != nullptr && static_cast<uint64_t>(*number.integer()) == got);
  };
  return equal(wanted.field("line"), entry.error.line) && equal(wanted.field("count"), entry.count) &&
         equal(wanted.field("packet"), entry.first_event);
}

std::string describe_expected_error(const LuaValue& wanted) {
  if (wanted.table() == nullptr) return fmt::format("'{}'", wanted.text());
  std::string text;
  for (const auto& [key, value] : *wanted.table()) {
    text += fmt::format("{}{} = '{}'", text.empty() ? "" : ", ", key.text(), value.text());
  }
  return "{" + text + "}";
}

/// Errors that no case expects are failures too: a filter that fails is not what anybody tests for by accident.
void compare_errors(const TestCase& test, const TestOutcome& outcome, Failures& failures) {
  std::vector<const engine::ErrorLog::Entry*> unexpected;
  for (const engine::ErrorLog::Entry& entry : outcome.errors)
    unexpected.push_back(&entry);
  for (int64_t i = 1; i <= test.errors.length(); ++i) {
    const LuaValue& wanted = test.errors.element(i);
    const auto found =
        std::find_if(unexpected.begin(), unexpected.end(), [&](const auto* entry) { return fits(wanted, *entry); });
    if (found == unexpected.end()) {
      failures.add(fmt::format("expected the script error {}, got none like it", describe_expected_error(wanted)));
    } else {
      unexpected.erase(found);
    }
  }
  for (const engine::ErrorLog::Entry* entry : unexpected) {
    failures.add(fmt::format("script error at {}:{}: {} ({} packets, first packet {})", entry->error.file,
                             entry->error.line, entry->error.message, entry->count, entry->first_event));
  }
  failures.close_section();
}

}  // namespace

std::vector<std::string> compare(TestFile& file, const TestCase& test, const TestOutcome& outcome,
                                 const script::MapStore& maps) {
  Failures failures;
  for (const std::string& problem : outcome.problems)
    failures.add(problem);
  failures.close_section();
  compare_errors(test, outcome, failures);
  if (test.verdicts) compare_verdicts(test, outcome, failures);
  compare_after(file, test, outcome, failures);
  compare_maps(test, outcome, maps, failures);
  compare_logs(test, outcome, failures);
  return failures.take();
}

}  // namespace perilune::cli
