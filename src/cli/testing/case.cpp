#include "cli/testing/case.h"

#include <algorithm>
#include <array>

#include "base/spelling.h"

namespace perilune::cli {
namespace {

const std::vector<std::string> kCaseFields = {"name",   "script", "capture", "filter", "packets", "packet",
                                              "expect", "after",  "maps",    "logs",   "errors",  "options"};
const std::vector<std::string> kOptionFields = {
    "function", "default",      "on_error", "malformed",         "non_ip",
    "seed",     "instructions", "memory",   "load_instructions", "time_limit"};

std::string in_folder_of(const std::string& file, const std::string& path) {
  if (path.starts_with('/')) return path;
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? path : file.substr(0, slash + 1) + path;
}

std::string script_named_after(const std::string& test_file) {
  constexpr std::string_view kSuffix = ".test.lua";
  if (!test_file.ends_with(kSuffix)) return {};
  return test_file.substr(0, test_file.size() - kSuffix.size()) + ".lua";
}

Error unknown_field(const std::string& where, const std::string& name, const std::vector<std::string>& known) {
  const std::string meant = did_you_mean(name, known);
  return {Fault::kInput, fmt::format("{} has an unknown field '{}'", where, name),
          meant.empty() ? fmt::format("the fields are {}", fmt::join(known, ", ")) : meant};
}

/// Reads one case; the first mistake ends it.
class CaseReader {
 public:
  CaseReader(const LuaValue& defaults, const LuaValue& own, const std::string& path)
      : defaults_(defaults), own_(own), path_(path) {}

  Result<TestCase> read(int64_t index) {
    test_.index = index;
    for (const auto& step : {&CaseReader::name, &CaseReader::fields, &CaseReader::files, &CaseReader::packets,
                             &CaseReader::options, &CaseReader::verdicts, &CaseReader::after, &CaseReader::rest}) {
      if (const Result<void> result = (this->*step)(); !result) return tl::make_unexpected(result.error());
    }
    return std::move(test_);
  }

 private:
  [[nodiscard]] const LuaValue& field(std::string_view name) const {
    const LuaValue& own = own_.field(name);
    return own.is_nil() ? defaults_.field(name) : own;
  }
  [[nodiscard]] tl::unexpected<Error> wrong(const std::string& what, std::string hint = {}) const {
    return input_error(fmt::format("case {} ('{}'): {}", test_.index, test_.name, what), std::move(hint));
  }

  Result<void> name();
  Result<void> fields();
  Result<void> files();
  Result<void> packets();
  Result<void> options();
  Result<void> verdicts();
  Result<void> after();
  Result<void> rest();
  Result<void> option_words(const LuaValue& options);
  Result<void> option_numbers(const LuaValue& options);

  const LuaValue& defaults_;
  const LuaValue& own_;
  const std::string& path_;
  TestCase test_;
};

Result<void> CaseReader::name() {
  test_.name = fmt::format("case {}", test_.index);
  const LuaValue& named = own_.field("name");
  const LuaValue& given = named.is_nil() ? own_.element(1) : named;
  if (given.is_nil()) return {};
  if (given.string() == nullptr) return wrong(fmt::format("its name must be a string, not {}", given.description()));
  test_.name = *given.string();
  return {};
}

Result<void> CaseReader::fields() {
  for (const auto& [key, value] : *own_.table()) {
    const int64_t* index = key.integer();
    if (index != nullptr && *index == 1) continue;  // the name
    const std::string* text = key.string();
    if (text == nullptr)
      return wrong(fmt::format("has an element [{}] besides its name", key.text()), "packets go into packets = {...}");
    if (std::find(kCaseFields.begin(), kCaseFields.end(), *text) == kCaseFields.end()) {
      return tl::make_unexpected(
          unknown_field(fmt::format("case {} ('{}')", test_.index, test_.name), *text, kCaseFields));
    }
  }
  return {};
}

Result<void> CaseReader::files() {
  const std::array<std::pair<const char*, std::string*>, 3> strings = {
      {{"script", &test_.script}, {"capture", &test_.capture}, {"filter", &test_.filter}}};
  for (const auto& [name, target] : strings) {
    const LuaValue& value = field(name);
    if (value.is_nil()) continue;
    if (value.string() == nullptr) return wrong(fmt::format("{} must be a string, not {}", name, value.description()));
    *target = *value.string();
  }
  test_.script = test_.script.empty() ? script_named_after(path_) : in_folder_of(path_, test_.script);
  if (test_.script.empty()) return wrong("names no script", "script = 'my.lua', or name the test file my.test.lua");
  // A case with packets of its own does not judge the capture that is the file's default.
  const bool own_packets = !own_.field("packets").is_nil() || !own_.field("packet").is_nil();
  if (own_packets && own_.field("capture").is_nil()) test_.capture.clear();
  if (!test_.capture.empty()) test_.capture = in_folder_of(path_, test_.capture);
  return {};
}

Result<void> CaseReader::packets() {
  const bool own_capture = !own_.field("capture").is_nil();
  const LuaValue& list = own_capture ? own_.field("packets") : field("packets");
  const LuaValue& single = own_capture ? own_.field("packet") : field("packet");
  const LuaValue& given = list.is_nil() ? single : list;
  if (given.is_nil()) {
    if (test_.capture.empty())
      return wrong("has nothing to judge", "packets = {packet.tcp{dport = 22}}, or capture = 'x.pcapng'");
    return {};
  }
  if (!test_.capture.empty()) return wrong("has both packets and a capture", "make two cases of it");
  std::vector<const LuaValue*> descriptions;
  if (given.string() != nullptr || !given.field("kind").is_nil()) {
    descriptions.push_back(&given);
  } else if (given.table() == nullptr) {
    return wrong(fmt::format("packets must be a list of packets, not {}", given.description()));
  } else {
    for (int64_t i = 1; i <= given.length(); ++i)
      descriptions.push_back(&given.element(i));
    if (descriptions.size() != given.table()->size()) return wrong("packets must be a list without gaps or names");
  }
  constexpr uint64_t kMillisecond = 1'000'000;
  uint64_t time = 1'000 * kMillisecond;
  for (size_t i = 0; i < descriptions.size(); ++i) {
    Result<BuiltPacket> built = build_packet(*descriptions[i]);
    if (!built) return wrong(fmt::format("packet {}: {}", i + 1, built.error().message), built.error().hint);
    built->packet.number = i + 1;
    if (built->packet.time_ns == 0) built->packet.time_ns = time;
    time = built->packet.time_ns + kMillisecond;
    test_.packets.push_back(std::move(*built));
  }
  return {};
}

Result<void> CaseReader::option_words(const LuaValue& options) {
  const auto verdict = [&](const char* name, packet::Verdict& target) -> Result<void> {
    const LuaValue& value = options.field(name);
    if (value.is_nil()) return {};
    const auto parsed = value.string() == nullptr ? std::nullopt : packet::parse_verdict(*value.string());
    if (!parsed || (*parsed != packet::Verdict::kPass && *parsed != packet::Verdict::kBlock)) {
      return wrong(fmt::format("options.{} must be 'pass' or 'block', not {}", name, value.description()));
    }
    target = *parsed;
    return {};
  };
  for (const Result<void>& result :
       {verdict("default", test_.engine.policy.on_default), verdict("on_error", test_.engine.policy.on_error),
        verdict("malformed", test_.engine.policy.on_malformed)}) {
    if (!result) return result;
  }
  if (const LuaValue& value = options.field("non_ip"); !value.is_nil()) {
    const std::optional<packet::NonIp> choice = packet::parse_non_ip(value.text());
    if (!choice) {
      return wrong(fmt::format("options.non_ip must be 'pass', 'block' or 'ask', not {}", value.description()));
    }
    test_.engine.policy.non_ip = *choice;
  }
  if (const LuaValue& value = options.field("function"); !value.is_nil()) {
    if (value.string() == nullptr) return wrong("options.function must be a string");
    test_.engine.function = *value.string();
  }
  return {};
}

Result<void> CaseReader::option_numbers(const LuaValue& options) {
  const auto number = [&](const char* name, auto set) -> Result<void> {
    const LuaValue& value = options.field(name);
    if (value.is_nil()) return {};
    if (value.integer() == nullptr || *value.integer() <= 0) {
      return wrong(fmt::format("options.{} must be an integer above 0, not {}", name, value.description()));
    }
    set(static_cast<uint64_t>(*value.integer()));
    return {};
  };
  script::Limits& limits = test_.engine.limits;
  for (const Result<void>& result :
       {number("seed", [&](uint64_t n) { test_.engine.seed = n; }),
        number("instructions", [&](uint64_t n) { limits.call_instructions = n; }),
        number("load_instructions", [&](uint64_t n) { limits.load_instructions = n; }),
        number("memory", [&](uint64_t n) { limits.memory = static_cast<size_t>(n); }),
        number("time_limit", [&](uint64_t n) { limits.call_time = std::chrono::milliseconds(n); })}) {
    if (!result) return result;
  }
  return {};
}

Result<void> CaseReader::options() {
  test_.engine.record_lines = true;
  test_.engine.packet_time = true;
  test_.engine.seed = 1;  // tests give the same result every time
  for (const LuaValue* options : {&defaults_.field("options"), &own_.field("options")}) {
    if (options->is_nil()) continue;
    if (options->table() == nullptr) return wrong("options must be a table");
    for (const auto& [key, value] : *options->table()) {
      const std::string name = key.text();
      if (std::find(kOptionFields.begin(), kOptionFields.end(), name) == kOptionFields.end()) {
        return tl::make_unexpected(
            unknown_field(fmt::format("options of case {} ('{}')", test_.index, test_.name), name, kOptionFields));
      }
    }
    if (Result<void> words = option_words(*options); !words) return words;
    if (Result<void> numbers = option_numbers(*options); !numbers) return numbers;
  }
  return {};
}

Result<void> CaseReader::verdicts() {
  const LuaValue& expect = field("expect");
  if (expect.is_nil()) return {};
  const auto parse = [&](const LuaValue& value) -> Result<packet::Verdict> {
    const auto verdict = value.string() == nullptr ? std::nullopt : packet::parse_verdict(*value.string());
    if (!verdict)
      return wrong(fmt::format("expect: {} is no verdict", value.description()), "pass, block, reject or reply");
    return *verdict;
  };
  ExpectedVerdicts expected;
  if (expect.table() == nullptr) {
    const Result<packet::Verdict> all = parse(expect);
    if (!all) return tl::make_unexpected(all.error());
    expected.others = *all;
    test_.verdicts = std::move(expected);
    return {};
  }
  for (const auto& [key, value] : *expect.table()) {
    if (const int64_t* number = key.integer()) {
      const Result<packet::Verdict> verdict = parse(value);
      if (!verdict) return tl::make_unexpected(verdict.error());
      if (*number < 1) return wrong(fmt::format("expect: packets are counted from 1, not {}", *number));
      expected.packets[static_cast<uint64_t>(*number)] = *verdict;
    } else if (key.text() == "others") {
      const Result<packet::Verdict> verdict = parse(value);
      if (!verdict) return tl::make_unexpected(verdict.error());
      expected.others = *verdict;
    } else {
      const Result<packet::Verdict> verdict = parse(key);
      if (!verdict) return tl::make_unexpected(verdict.error());
      if (value.integer() == nullptr || *value.integer() < 0) {
        return wrong(fmt::format("expect.{} must be a count, not {}", key.text(), value.description()));
      }
      expected.counts[*verdict] = static_cast<uint64_t>(*value.integer());
    }
  }
  expected.complete = !expected.others && !expected.packets.empty() && expected.counts.empty() &&
                      expect.length() == static_cast<int64_t>(expected.packets.size());
  test_.verdicts = std::move(expected);
  return {};
}

Result<void> CaseReader::after() {
  const LuaValue& table = field("after");
  if (table.is_nil()) return {};
  if (table.table() == nullptr) return wrong("after must be a table: after = {[2] = {payload = '...'}}");
  static const std::vector<std::string> kFields = {"payload", "frame", "header",   "src",    "dst",
                                                   "sport",   "dport", "protocol", "ttl",    "tos",
                                                   "id",      "mark",  "modified", "length", "checksums"};
  for (const auto& [key, value] : *table.table()) {
    const int64_t* number = key.integer();
    if (number == nullptr || *number < 1) {
      return wrong(fmt::format("after has the key {}, which is no packet number", key.text()),
                   "after = {[2] = {payload = '...'}}");
    }
    ExpectedAfter expected;
    expected.function = value.is_function();
    if (!expected.function) {
      if (value.table() == nullptr)
        return wrong(fmt::format("after[{}] must be a table of fields or a function", *number));
      for (const auto& [name, wanted] : *value.table()) {
        if (std::find(kFields.begin(), kFields.end(), name.text()) == kFields.end()) {
          return tl::make_unexpected(unknown_field(
              fmt::format("after[{}] of case {} ('{}')", *number, test_.index, test_.name), name.text(), kFields));
        }
      }
      expected.wanted = value;
    }
    test_.after.emplace(static_cast<uint64_t>(*number), std::move(expected));
  }
  return {};
}

Result<void> CaseReader::rest() {
  const std::array<std::pair<const char*, LuaValue*>, 3> tables = {
      {{"maps", &test_.maps}, {"logs", &test_.logs}, {"errors", &test_.errors}}};
  for (const auto& [name, target] : tables) {
    const LuaValue& value = field(name);
    if (value.is_nil()) continue;
    if (value.table() == nullptr) return wrong(fmt::format("{} must be a table, not {}", name, value.description()));
    *target = value;
  }
  const bool expects_something =
      test_.verdicts || !test_.after.empty() || !test_.maps.is_nil() || !test_.logs.is_nil() || !test_.errors.is_nil();
  if (!expects_something)
    return wrong("expects nothing", "expect = 'pass', expect = {'pass', 'block'}, expect = {block = 2}, ...");
  return {};
}

}  // namespace

Result<std::vector<TestCase>> read_cases(const LuaValue& file_table, const std::string& path) {
  if (file_table.table() == nullptr) {
    return input_error(fmt::format("a test file returns a table of cases, not {}", file_table.description()),
                       "return { {'name', packets = {...}, expect = {...}}, ... }");
  }
  for (const auto& [key, value] : *file_table.table()) {
    const std::string* name = key.string();
    if (name != nullptr && std::find(kCaseFields.begin(), kCaseFields.end(), *name) == kCaseFields.end()) {
      return tl::make_unexpected(unknown_field("the file's table", *name, kCaseFields));
    }
  }
  std::vector<TestCase> cases;
  for (int64_t i = 1; i <= file_table.length(); ++i) {
    const LuaValue& own = file_table.element(i);
    if (own.table() == nullptr) return input_error(fmt::format("case {} is {}, not a table", i, own.description()));
    Result<TestCase> test = CaseReader(file_table, own, path).read(i);
    if (!test) return tl::make_unexpected(test.error());
    cases.push_back(std::move(*test));
  }
  if (cases.empty())
    return input_error("the table has no cases", "return { {'name', packets = {...}, expect = {...}}, ... }");
  return cases;
}

}  // namespace perilune::cli
