#include "comparison.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <span>

namespace perilune::parity {
namespace {

constexpr std::string_view kCannotLoad = "cannot-load";   // by the kernel: never right
constexpr std::string_view kReadOnly = "read-only-hook";  // the refusal of writes where there are none

std::string judgement(const Observation& seen) {
  std::string text = fmt::format("{} ({})", packet::to_string(seen.verdict), packet::to_string(seen.cause));
  if (seen.line.value_or(0) != 0) text += fmt::format(" at line {}", *seen.line);
  return text;
}

std::string hexadecimal(std::span<const uint8_t> bytes, size_t from) {
  std::string text;
  for (size_t i = from; i < bytes.size() && i < from + 8; ++i)
    text += fmt::format("{:02x} ", bytes[i]);
  return text.empty() ? "nothing" : text;
}

std::string byte_difference(std::span<const uint8_t> lua, std::span<const uint8_t> theirs) {
  const auto [mine, other] = std::ranges::mismatch(lua, theirs);
  const size_t at = static_cast<size_t>(mine - lua.begin());
  std::string text = fmt::format("byte {}: {}, lua has {}", at, hexadecimal(theirs, at), hexadecimal(lua, at));
  if (lua.size() != theirs.size()) text += fmt::format("; {} bytes, lua has {}", theirs.size(), lua.size());
  return text;
}

/// The same for all messages that differ only in names and numbers.
std::string shape_of(const std::string& message) {
  std::string shape;
  bool quoted = false;
  for (const char c : message.substr(message.find("lua: ") + 5)) {
    if (c == '\'')
      quoted = !quoted;
    else if (!quoted && std::isdigit(static_cast<unsigned char>(c)) == 0)
      shape += c;
  }
  const size_t place = shape.find("lua:: ");
  return place == std::string::npos ? shape : shape.substr(place + 6);
}

std::string joined(const std::vector<std::string>& lines) {
  if (lines.empty()) return "no lines";
  std::string text;
  for (const std::string& line : lines)
    text += fmt::format("{}[{}]", text.empty() ? "" : " ", line);
  return text;
}

std::string mark_text(const std::optional<uint32_t>& mark) {
  return mark ? fmt::format("0x{:x}", *mark) : "not set";
}

/// Empty when they agree.
std::string difference(const Observation& lua, const Observation& theirs, bool any_line) {
  if (!theirs.judged) return "it cannot be run on it";
  const bool line_differs = !any_line && theirs.line && lua.line != theirs.line;
  if (lua.verdict != theirs.verdict || lua.cause != theirs.cause || line_differs) {
    return fmt::format("{}, lua: {}", judgement(theirs), judgement(lua));
  }
  if (!std::ranges::equal(lua.bytes, theirs.bytes)) return byte_difference(lua.bytes, theirs.bytes);
  if (theirs.mark_known && lua.mark != theirs.mark) {
    return fmt::format("mark {}, lua: {}", mark_text(theirs.mark), mark_text(lua.mark));
  }
  if (theirs.logs_known && lua.logs != theirs.logs) {
    return fmt::format("logged {}, lua: {}", joined(theirs.logs), joined(lua.logs));
  }
  return {};
}

std::string kind_of(const Observation& lua, const Observation& theirs) {
  if (!theirs.judged) return "not judged";
  if (lua.cause != theirs.cause) {
    return fmt::format("cause {} instead of {}", packet::to_string(theirs.cause), packet::to_string(lua.cause));
  }
  if (lua.verdict != theirs.verdict) return "verdict";
  if (theirs.line && lua.line != theirs.line) return "line";
  if (!std::ranges::equal(lua.bytes, theirs.bytes)) return "bytes";
  return theirs.mark_known && lua.mark != theirs.mark ? "mark" : "log";
}

/// The first entry of either list that the other has not.
std::string entry_difference(const std::vector<std::string>& lua, const std::vector<std::string>& theirs) {
  for (size_t i = 0; i < std::max(lua.size(), theirs.size()); ++i) {
    const std::string mine = i < lua.size() ? lua[i] : "nothing";
    const std::string other = i < theirs.size() ? theirs[i] : "nothing";
    if (mine != other) return fmt::format("{}, lua: {} ({} and {} entries)", other, mine, theirs.size(), lua.size());
  }
  return {};
}

std::vector<std::string> map_differences(const std::vector<MapContents>& lua, const std::vector<MapContents>& theirs) {
  std::vector<std::string> found;
  for (const MapContents& mine : lua) {
    const auto other = std::ranges::find(theirs, mine.name, &MapContents::name);
    const std::string text = other == theirs.end() ? "is not there" : entry_difference(mine.entries, other->entries);
    if (!text.empty()) found.push_back(fmt::format("map '{}': {}", mine.name, text));
  }
  return found;
}

/// Even kPlenty can be too little for a pattern that backtracks: from there on lua and compiled code differ by nature.
bool has_run_out(Subject& lua) {
  return std::ranges::any_of(lua.errors(), [](const ErrorCount& error) {
    return error.place.find("instruction budget spent") != std::string::npos;
  });
}

/// Compiled code does not carry a packet's text into a message, only its length.
/// And the budget of a program in the kernel is no option of a command.
std::string without_text(std::string message) {
  const std::string_view option = " (--instructions)";
  if (message.ends_with(option)) message.resize(message.size() - option.size());
  const std::string_view words = "the string '";
  const size_t begin = message.find(words);
  const size_t end = message.rfind('\'');
  if (begin == std::string::npos || end < begin + words.size()) return message;
  const size_t length = end - begin - words.size();
  return message.replace(begin, end + 1 - begin, fmt::format("a string of {} bytes", length));
}

/// "file:line: message" with a line that says nothing.
std::string without_line(const std::string& place) {
  const size_t message = place.find(": ");
  const size_t line = place.rfind(':', message == std::string::npos ? message : message - 1);
  return message == std::string::npos || line == std::string::npos ? place
                                                                   : place.substr(0, line) + place.substr(message);
}

std::vector<std::string> texts(const std::vector<ErrorCount>& errors, bool any_line) {
  std::map<std::string, uint64_t> counts;
  for (const ErrorCount& error : errors)
    counts[any_line ? without_line(without_text(error.place)) : without_text(error.place)] += error.count;
  std::vector<std::string> lines;
  for (const auto& [place, count] : counts)
    lines.push_back(fmt::format("{}x {}", count, place));
  return lines;
}

/// One configuration while a script runs in it.
struct Contestant {
  const Configuration* configuration = nullptr;
  std::unique_ptr<Subject> subject;
  Tally* tally = nullptr;
  uint64_t differences = 0;
};

}  // namespace

Comparison::Comparison(std::vector<std::unique_ptr<Configuration>> configurations, const PacketSet& captured,
                       const Terms& terms, unsigned most_lines)
    : configurations_(std::move(configurations)), most_lines_(most_lines) {
  for (size_t i = 0; i < kFeeds; ++i) {
    const auto how = static_cast<Feed>(i);
    const bool wanted = std::ranges::any_of(configurations_, [how](const auto& one) { return one->feed == how; });
    if (!wanted && how != Feed::kAsCaptured) continue;
    lua_[i] = lua_configuration(how, terms);
  }
  for (const auto& configuration : configurations_)
    cannot_show_[static_cast<size_t>(configuration->feed)].push_back(configuration->cannot_show());
  use(captured);
}

void Comparison::use(const PacketSet& captured) {
  not_shown_ = 0;
  for (size_t i = 0; i < kFeeds; ++i) {
    if (!lua_[i]) continue;
    packets_[i] = feed(captured, static_cast<Feed>(i), [&](const StoredPacket& stored) {
      return std::ranges::any_of(cannot_show_[i], [&](const auto& cannot_show) { return cannot_show(stored); });
    });
    not_shown_ += packets_[i].left_out;
  }
}

void Comparison::add(const Comparison& other) {
  lua_failures_ += other.lua_failures_;
  for (const auto& [code, counts] : other.refusals_) {
    for (const auto& [name, count] : counts)
      refusals_[code][name] += count;
  }
  for (const auto& [name, tally] : other.tallies_) {
    Tally& sum = tallies_[name];
    sum.scripts += tally.scripts;
    sum.refused += tally.refused;
    sum.left_out += tally.left_out;
    sum.packets += tally.packets;
    sum.differences += tally.differences;
    sum.passed += tally.passed;
    sum.failed += tally.failed;
  }
}

Report Comparison::compare(const ScriptFile& script) {
  Report report;
  for (size_t i = 0; i < kFeeds; ++i) {
    if (lua_[i])
      compare_feed(
          script, static_cast<Feed>(i), [](const Configuration&) { return true; }, report);
  }
  return report;
}

Report Comparison::compare_at_one_hook(const ScriptFile& script, uint64_t turn) {
  Report report;
  std::vector<const Configuration*> hooks;
  for (const auto& configuration : configurations_) {
    if (configuration->kernel) hooks.push_back(configuration.get());
  }
  compare_feed(
      script, Feed::kAsCaptured, [](const Configuration& one) { return !one.kernel; }, report);
  for (size_t i = 0; i < hooks.size(); ++i) {
    const Configuration* hook = hooks[(turn + i) % hooks.size()];
    if (compare_feed(
            script, hook->feed, [hook](const Configuration& one) { return &one == hook; }, report))
      break;
  }
  return report;
}

std::string Comparison::text_for(const ScriptFile& script, Feed feed) const {
  std::string text = script.text;
  if (!is_unmarked(feed)) return text;
  const std::string mark = "pkt.mark = ";
  for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos;)
    text.replace(at, mark.size(), "observed = ");
  return text;
}

bool Comparison::can_run(const ScriptFile& script, const Configuration& configuration) const {
  if (!configuration.kernel) return true;
  if (script.only_native) return false;
  return configuration.may_mark || text_for(script, configuration.feed).find("pkt.mark") == std::string::npos;
}

bool Comparison::compare_feed(const ScriptFile& script, Feed feed,
                              const std::function<bool(const Configuration&)>& wanted, Report& report) {
  const auto index = static_cast<size_t>(feed);
  const auto tell = [&](const std::string& who, const std::string& kind, const std::string& what) {
    report.failed = true;
    if (report.first_configuration.empty()) {
      report.first_configuration = who;
      report.kind = fmt::format("{}: {}", who, kind);
    }
    report.lines.push_back(fmt::format("DIFFERS {} [{}] {}", script.name, who, what));
  };

  std::string path = script.path;
  if (const std::string text = text_for(script, feed); text != script.text) {
    path = folder_.file(script.name);
    std::ofstream(path, std::ios::binary) << text;
  }
  auto lua = lua_[index]->open(path);
  if (!lua) {
    lua_failures_ += quiet_ ? 0 : 1;
    tell("lua", "does not load", to_text(lua.error().front()));
    return true;
  }

  std::vector<Contestant> contestants;
  for (const auto& configuration : configurations_) {
    if (configuration->feed != feed || !wanted(*configuration)) continue;
    Tally& tally = quiet_ ? nobody_ : tallies_[configuration->name];
    if (!can_run(script, *configuration)) {
      ++tally.left_out;
      continue;
    }
    auto subject = configuration->open(path);
    if (subject) {
      if (script.refused) {
        ++tally.failed;
        tell(configuration->name, "is not refused",
             fmt::format("is not refused; expected {} at line {}", script.refused->code, script.refused->line));
        continue;
      }
      contestants.push_back({configuration.get(), std::move(*subject), &tally, 0});
      continue;
    }
    const Diagnostic& first = subject.error().front();
    if (script.refused && first.code == script.refused->code && first.line == script.refused->line) {
      ++tally.refused;
      ++tally.passed;
    } else if (accepts_refusals_ && first.code != kCannotLoad && first.code != "compiler-bug") {
      if (!quiet_) ++refusals_[first.code][configuration->name];
      ++tally.refused;
    } else if (!configuration->may_write && first.code == kReadOnly) {
      ++tally.left_out;
    } else {
      ++tally.failed;
      tell(configuration->name, "refused " + first.code, "refused: " + to_text(first));
    }
  }
  if (contestants.empty()) return report.failed;

  const auto differs = [&](Contestant& contestant, const std::string& kind, const std::string& what) {
    ++contestant.tally->differences;
    if (++contestant.differences <= most_lines_) tell(contestant.configuration->name, kind, what);
  };
  const PacketSet& set = packets_[index];
  const auto compare_maps = [&](uint32_t source, bool last) {
    const std::vector<MapContents> mine = (*lua)->maps();
    if (mine.empty()) return;
    for (Contestant& contestant : contestants) {
      if (contestant.configuration->kernel && !last) continue;  // reading large maps takes longer than all else
      for (const std::string& text : map_differences(mine, contestant.subject->maps())) {
        differs(contestant, "maps", fmt::format("after {}: {}", set.sources[source], text));
      }
    }
  };

  uint32_t source = 0;
  uint64_t number = 0;  // within the source
  for (const StoredPacket& stored : set.packets) {
    if (stored.source != source) {
      compare_maps(source, false);
      source = stored.source;
      number = 0;
    }
    ++number;
    const Observation mine = (*lua)->judge(stored);
    if (accepts_refusals_ && mine.cause == packet::Cause::kError && has_run_out(**lua)) {
      for (Contestant& contestant : contestants)
        ++contestant.tally->left_out;
      return report.failed;
    }
    for (Contestant& contestant : contestants) {
      const Observation theirs = contestant.subject->judge(stored);
      const std::string text = difference(mine, theirs, script.spends_budget);
      ++contestant.tally->packets;
      if (!text.empty())
        differs(contestant, kind_of(mine, theirs), fmt::format("{} packet {}: {}", set.sources[source], number, text));
    }
  }
  compare_maps(source, true);

  const std::vector<std::string> errors = texts((*lua)->errors(), script.spends_budget);
  for (Contestant& contestant : contestants) {
    const std::string text = entry_difference(errors, texts(contestant.subject->errors(), script.spends_budget));
    if (!text.empty()) differs(contestant, "script errors " + shape_of(text), "script errors: " + text);
    ++contestant.tally->scripts;
    ++(contestant.differences == 0 ? contestant.tally->passed : contestant.tally->failed);
  }
  return true;
}

}  // namespace perilune::parity
