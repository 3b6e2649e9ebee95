// Every reason for which a script is refused, with a smallest script each: the code, the line, and that the user is
// told what to write instead. docs/kernel-lua.md lists the same codes.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "compiler/compiler.h"

namespace perilune::compiler {
namespace {

struct Case {
  const char* name;
  const char* code;
  uint32_t line;
  std::string script;
  Target target = {};
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.name;
}

std::string repeated(int count, const std::string& before, const std::string& after) {
  std::string text;
  for (int i = 1; i <= count; ++i)
    text += before + std::to_string(i) + after;
  return text;
}

// As the hooks of these names say.
Target at_xdp() {
  Target target = Target::in_kernel();
  target.why_no_mark = "load it elsewhere";
  return target;
}
Target at_netfilter() {
  Target target = at_xdp();
  target.writes = false;
  target.has_frame = false;
  return target;
}

Diagnostics refusals(const std::string& script, const Target& target) {
  script::MapStore maps;
  script::Options options;
  options.maps = &maps;
  const auto state = script::State::load_text(script, "script.lua", "", options);
  if (!state) {
    ADD_FAILURE() << "does not load: " << to_text(state.error().front());
    return {};
  }
  const auto compiled = compile_filter(**state, target);
  return compiled ? Diagnostics{} : compiled.error();
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      // Numbers
      {"division", "float", 2, "function filter(hdr, pld)\n  return pld[0] / 2 == 1\nend"},
      {"power", "float", 2, "function filter(hdr, pld)\n  return pld[0] ^ 2 == 1\nend"},
      {"float_constant", "float", 2, "function filter(hdr, pld)\n  return pld[0] + 0.5 == 1\nend"},
      {"float_loop", "float", 2, "function filter(hdr, pld)\n  for i = 0.5, pld[0] do end\nend"},
      {"math_function", "float", 2, "function filter(hdr, pld)\n  return math.sqrt(pld[0]) == 1\nend"},
      {"math_min", "float", 2, "function filter(hdr, pld)\n  return math.min(pld[0], 0.5) == 1\nend"},
      {"string_plus_number", "string-arithmetic", 2, "function filter(hdr, pld)\n  return tostring(pld) + 1 == 2\nend"},
      {"string_as_argument", "string-arithmetic", 2,
       "function filter(hdr, pld)\n  return ('abc'):sub(tostring(pld)) == 'c'\nend"},
      {"string_into_number_field", "string-arithmetic", 2, "function filter(hdr, pld)\n  pld[0] = tostring(pld)\nend"},
      {"text_to_number", "tonumber", 2, "function filter(hdr, pld)\n  return tonumber(tostring(pld)) == 1\nend"},
      {"base_of_packet", "tonumber", 2,
       "function filter(hdr, pld)\n  return tonumber(tostring(pld), pld[0]) == 1\nend"},

      // Strings and patterns
      {"format", "string-building", 2, "function filter(hdr, pld)\n  return ('%5d'):format(pld[0]) == '    1'\nend"},
      {"format_from_packet", "string-building", 2,
       "function filter(hdr, pld)\n  return tostring(pld):format(1) == '1'\nend"},
      {"rep", "string-building", 2, "function filter(hdr, pld)\n  return ('a'):rep(pld[0]) == 'aa'\nend"},
      {"unpack", "string-unpack", 2, "function filter(hdr, pld)\n  return string.unpack('B', tostring(pld)) == 1\nend"},
      {"lower_of_long", "string-too-long", 2, "function filter(hdr, pld)\n  return tostring(pld):lower() == 'a'\nend"},
      {"concatenation", "string-too-long", 2, "function filter(hdr, pld)\n  return tostring(pld) .. 'x' == 'ax'\nend"},
      {"many_bytes", "many-bytes", 2,
       "function filter(hdr, pld)\n  return select('#', tostring(pld):byte(1, 17)) == 1\nend"},
      {"tostring_of_pkt", "tostring", 2, "function filter(hdr, pld, pkt)\n  return tostring(pkt) == ''\nend"},
      {"long_constants", "too-many-strings", 5,
       "local a = ('a'):rep(9000)\nlocal b = ('b'):rep(9000)\nfunction filter(hdr, pld)\n  local s = tostring(pld)\n"
       "  return s < a or s < b\nend"},
      {"long_constants_meet", "too-many-strings", 6,
       "local a = ('a'):rep(9000)\nlocal b = ('b'):rep(9000)\nfunction filter(hdr, pld)\n  local s\n"
       "  if pld[0] == 1 then s = a else s = b end\n  return tostring(pld) == s\nend"},
      {"long_constants_meet_in_a_loop", "too-many-strings", 6,
       "local a = ('a'):rep(9000)\nlocal b = ('b'):rep(9000)\nfunction filter(hdr, pld)\n  local s = a\n"
       "  for i = 1, pld[0] or 0 do\n    if s == tostring(pld) then return false end\n    s = b\n  end\nend"},
      {"work_on_constants", "too-slow", 3,
       "local s = ('a'):rep(3000)\nfunction filter(hdr, pld)\n  return s:find('.-.-.-.-b') == pld[0]\nend"},
      {"doubled_text", "constant-memory", 4,
       "function filter(hdr, pld)\n  local s = 'ab'\n  for i = 1, 40 do\n    s = s .. s\n  end\n"
       "  return #s == pld[0]\nend"},
      {"repeated_text", "too-slow", 2, "function filter(hdr, pld)\n  return #('a'):rep(20 << 20) == pld[0]\nend"},
      {"repeated_text_without_memory", "constant-memory", 2,
       "function filter(hdr, pld)\n  return #('a'):rep(1 << 30) == pld[0]\nend"},
      {"many_texts", "constant-memory", 4,
       "function filter(hdr, pld)\n  local n = 0\n  for i = 1, 40 do\n    n = n + #('a'):rep(1000000 + i)\n  end\n"
       "  return n == pld[0]\nend"},
      {"long_text_read_again_and_again", "too-slow", 5,
       "local s = ('a'):rep(8 << 20)\nfunction filter(hdr, pld)\n  local n = 0\n  for i = 1, 40 do\n"
       "    n = n + #s:sub(1, i) + #s:sub(2, i)\n  end\n  return n == pld[0]\nend"},
      {"many_bytes_of_a_constant", "many-results", 3,
       "local s = ('a'):rep(500000)\nfunction filter(hdr, pld)\n  return select('#', s:byte(1, -1)) == pld[0]\nend"},
      {"library_field", "table-write", 2,
       "function filter(hdr, pld)\n  data.strict = #pld > 4\n  return pld[9] ~= 1\nend"},
      {"library_field_by_another_name", "table-write", 3,
       "local with = {options = data}\nfunction filter(hdr, pld)\n  with.options.strict_segments = true\nend"},
      {"library_function", "table-write", 2, "function filter(hdr, pld)\n  string.lower = nil\nend"},
      {"grown_arguments", "too-many-results", 3,
       "local function grow(n, ...)\n  if n == 0 then return ... end\n"
       "  return grow(n - 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...)\nend\n"
       "function filter(hdr, pld, pkt)\n  return select('#', grow(50, pkt.length)) == 1\nend"},
      {"many_numbers_unpacked", "many-results", 4,
       "local f, s = ('b'):rep(200000), ('a'):rep(200000)\nfunction filter(hdr, pld)\n"
       "  local n = pld[0]\n  return select('#', string.unpack(f, s)) == n\nend"},
      {"malformed", "pattern-malformed", 2,
       "function filter(hdr, pld)\n  for w in tostring(pld):gmatch('[') do return false end\nend"},
      {"balanced", "pattern-not-regular", 2,
       "function filter(hdr, pld)\n  return tostring(pld):find('%b()') == 1\nend"},
      {"back_reference", "pattern-not-regular", 2,
       "function filter(hdr, pld)\n  return tostring(pld):match('(.)%1') == 'a'\nend"},
      {"pattern_of_packet", "dynamic-pattern", 2,
       "function filter(hdr, pld)\n  return ('abc'):find(tostring(pld)) == 1\nend"},
      {"gmatch_of_packet", "dynamic-pattern", 2,
       "function filter(hdr, pld)\n  for w in ('abc'):gmatch(tostring(pld)) do return false end\nend"},
      {"gmatch_with_init", "gmatch-init", 2,
       "function filter(hdr, pld)\n  for w in tostring(pld):gmatch('%a', 3) do return false end\nend"},
      {"state_explosion", "pattern-too-complex", 2,
       "function filter(hdr, pld)\n  local a, b = tostring(pld):match('(a?a?a?a?.-)x..............(y)')\n  return a == "
       "'x' or b == "
       "'y'\nend"},

      // Control flow and functions
      {"endless_recursion", "recursion", 2,
       "local function f(n)\n  return 1 + f(n - 1)\nend\nfunction filter(hdr, pld)\n  return f(pld[0] or 0) == 0\nend"},
      // Each call makes two more: 2 to the power of 100 paths, of which none is followed twice.
      {"recursion_in_two_directions", "recursion", 3,
       "local function f(n)\n  if n < 2 then return n end\n  return f(n - 1) + f(n - 2)\nend\n"
       "function filter(hdr, pld)\n  return f(#pld) == 0\nend"},
      {"calls_without_bound", "too-large", 2,
       "local function f(n)\n  if n < 2 then return n end\n  return f(n - 1) + f(n - 2)\nend\n"
       "function filter(hdr, pld)\n  return f(50) == #pld\nend"},
      {"long_table_walk", "too-large", 3,
       "local t = {}\nfor i = 1, 5000 do t[i] = i end\nfunction filter(hdr, pld) for _, v in ipairs(t) do if pld[0] == "
       "v "
       "then return false end end end"},
      {"table_with_holes", "table-with-holes", 2, "function filter(hdr, pld)\n  return #{nil, #pld} == 2\nend"},
      {"number_as_field_of_packet", "dynamic-field", 3,
       "local l = data.layout {[1] = {4, 4}}\nfunction filter(hdr, pld)\n  return pld:layout(l)[#pld] == 3\nend"},
      {"pcall", "protected-call", 2, "function filter(hdr, pld)\n  return pcall(function() return pld[0] end)\nend"},
      {"to_be_closed", "to-be-closed", 2,
       "function filter(hdr, pld)\n  local x <close> = nil\n  return pld[0] == 1\nend"},
      {"function_called_by_gsub", "metamethod", 4,
       "local n = 0\nlocal function next_number() n = n + 1 return n end\nfunction filter(hdr, pld)\n  local s = "
       "('abc'):gsub('.', next_number)\n  return s == '123'\nend"},
      {"index_called_by_ipairs", "metamethod", 3,
       "local t = setmetatable({}, {__index = function(_, i) return i < 3 and i or nil end})\n"
       "function filter(hdr, pld)\n  for i, v in ipairs(t) do log('%d', v) end\nend"},
      {"minus_of_a_table", "metamethod", 3,
       "local t = setmetatable({}, {__unm = function() return 1 end})\nfunction filter(hdr, pld)\n  return -t == 1\n"
       "end"},
      {"order_of_tables", "metamethod", 3,
       "local t = setmetatable({}, {__lt = function() return true end})\nfunction filter(hdr, pld)\n  return t < t\n"
       "end"},
      {"address_of_a_constant_table", "tostring", 3,
       "local t = {}\nfunction filter(hdr, pld)\n  return #tostring(t) == pld[0]\nend"},
      {"variable_fields_in_gsub", "variable-table", 4,
       "local t = {a = 1}\nfunction filter(hdr, pld)\n  t.a = t.a + 1\n  return ('a'):gsub('a', t) == '2'\nend"},
      {"metamethod_assigned", "metamethod", 3,
       "local t = setmetatable({}, {})\nfunction filter(hdr, pld)\n  getmetatable(t).__index = 1\n  return t.x == "
       "pld[0]\nend"},
      {"long_call_chain", "metamethod", 4,
       "local f = function() return true end\nfor i = 1, 1000 do f = setmetatable({}, {__call = f}) end\n"
       "function filter(hdr, pld)\n  return f(pld[0])\nend"},
      {"call_of_itself", "metamethod", 4,
       "local t = setmetatable({}, {})\ngetmetatable(t).__call = t\nfunction filter(hdr, pld)\n  return t(pld[0])\n"
       "end"},
      {"long_index_chain", "metamethod", 4,
       "local t = {}\nfor i = 1, 1000 do t = setmetatable({[i] = i}, {__index = t}) end\n"
       "function filter(hdr, pld)\n  return t[pld[0]] == 1\nend"},
      {"iterator_kept", "unknown-function", 3,
       "local next_word = ('a b'):gmatch('%a')\nfunction filter(hdr, pld)\n  return next_word() == 'a'\nend"},
      {"functions_that_keep_each_other", "closure-outlives", 4,
       "function filter(hdr, pld)\n  local f = function() return 0 end\n  for i = 1, #pld do\n    local last = f\n"
       "    f = function() return last() + i end\n  end\n  return f() == 1\nend"},
      {"tables_that_keep_each_other", "growing-table", 4,
       "function filter(hdr, pld)\n  local list\n  for i = 1, #pld do\n    list = {next = list, value = pld[i]}\n"
       "  end\n  return list == nil\nend"},
      {"compare_functions", "function-comparison", 3,
       "function filter(hdr, pld)\n  local a, b = function() return pld end, function() return hdr end\n"
       "  return a == b\nend"},
      {"select_of_packet", "dynamic-select", 2,
       "function filter(hdr, pld)\n  return select(pld[0], 'a', 'b') == 'b'\nend"},
      {"combinations", "too-many-types", 8,
       "function filter(hdr, pld)\n  local a, b, c, d, e, f\n  if pld[0] == 1 then a = 1 end\n  if pld[1] == 1 then b "
       "= 1 "
       "end\n  if pld[2] == 1 then c = 1 end\n  if pld[3] == 1 then d = 1 end\n  if pld[4] == 1 then e = 1 end\n"
       "  if pld[5] == 1 then f = 1 end\n  log(a, b, c, d, e, f)\nend"},

      // Tables, variables and metatables
      {"fill_table", "growing-table", 3, "function filter(hdr, pld)\n  local t = {}\n  t[pld[0]] = 1\nend"},
      {"insert", "growing-table", 3, "function filter(hdr, pld)\n  local t = {}\n  table.insert(t, pld[0])\nend"},
      {"write_list", "table-write", 3, "local t = {1, 2}\nfunction filter(hdr, pld)\n  t[1] = pld[0]\nend"},
      {"set_metatable", "table-write", 2,
       "function filter(hdr, pld)\n  local t = setmetatable({}, {})\n  return t[1]\nend"},
      {"changing_table_by_key", "variable-table", 4,
       "local t = {a = 1}\nfunction filter(hdr, pld)\n  t.a = 2\n  return t[tostring(pld)] == 1\nend"},
      {"string_kept", "variable-type", 3, "local last\nfunction filter(hdr, pld)\n  last = tostring(pld)\nend"},
      {"many_variables", "too-many-variables", 66,
       "function filter(hdr, pld)\n" + repeated(65, "g", " = pld[0]\n") + "end"},
      {"many_tables", "too-large", 4,
       "local t = {}\nfor i = 1, 1000 do t[i] = {i} end\nfunction filter(hdr, pld)\n  return t[pld[0]][1] == 3\nend"},
      {"mixed_values", "mixed-table", 4,
       "local t = {}\nfor i = 1, 40 do t[i] = {i} end\nfunction filter(hdr, pld)\n  return t[pld[0]][1] == 3\nend"},
      {"metamethod", "metamethod", 3,
       "local t = setmetatable({}, {__add = function() return 1 end})\nfunction filter(hdr, pld)\n  return t + pld[0] "
       "== "
       "1\nend"},
      {"views_compared", "view-comparison", 2,
       "function filter(hdr, pld)\n  return pld:segment(0, 1) == pld:segment(0, 2)\nend"},
      {"late_require", "late-require", 2,
       "function filter(hdr, pld, pkt)\n  return require(pkt.interface or 'x')\nend"},
      {"library", "library-function", 2, "function filter(hdr, pld)\n  return utf8.char(pld[0]) == 'a'\nend"},

      // The packet
      {"name_of_field", "dynamic-field", 2, "function filter(hdr, pld, pkt)\n  return pkt[tostring(pld)] == 1\nend"},
      {"method_as_value", "method-value", 2,
       "function filter(hdr, pld, pkt)\n  local f = pkt.block\n  return f(pkt)\nend"},
      {"replace_payload", "payload-replaced", 3,
       "function filter(hdr, pld, pkt)\n  local part = pld:segment(4)\n  pkt.payload = 'x'\n  return part[0] == "
       "1\nend"},
      {"layout_at_packet_time", "layout-made", 3,
       "local data = require 'data'\nfunction filter(hdr, pld)\n  local l = data.layout {a = {0, 8}}\n  return "
       "pld:layout(l).a == 1\nend"},
      {"far_field", "far-field", 4,
       "local data = require 'data'\nlocal far = data.layout {a = {160000, 8}}\nfunction filter(hdr, pld)\n  return "
       "pld:layout(far).a == 1\nend"},
      {"object_of_the_main_chunk", "load-time-object", 4,
       "local data = require 'data'\nlocal object = data.new('abc')\nfunction filter(hdr, pld)\n  return object[0] == "
       "1\nend"},
      {"new_data", "new-data", 3,
       "local data = require 'data'\nfunction filter(hdr, pld)\n  return data.new(pld[0])[0] == 1\nend"},
      {"string_kept_over_write", "string-then-write", 3,
       "function filter(hdr, pld)\n  local s = tostring(pld)\n  pld[0] = 1\n  return s == 'x'\nend"},
      {"bytes_of_address_text", "library-function", 3,
       "local net = require 'net'\nfunction filter(hdr, pld, pkt)\n  return net.bytes(tostring(pld)) == pkt.src\nend"},
      {"number_in_kernel", "no-number", 2, "function filter(hdr, pld, pkt)\n  return pkt.number == 1\nend", at_xdp()},
      {"interface_unknown", "no-interface", 2, "function filter(hdr, pld, pkt)\n  return pkt.interface == 'lo'\nend",
       at_netfilter()},
      {"mark_at_xdp", "no-mark", 2, "function filter(hdr, pld, pkt)\n  pkt.mark = 1\nend", at_xdp()},
      {"mark_at_netfilter", "no-mark", 2, "function filter(hdr, pld, pkt)\n  pkt.mark = 1\nend", at_netfilter()},
      {"write_at_netfilter", "read-only-hook", 2, "function filter(hdr, pld)\n  pld[0] = 1\nend", at_netfilter()},

      // Maps and logs
      {"declared_late", "map-declared", 2, "function filter(hdr, pld)\n  local m = map.counter {}\n  m:add(1)\nend"},
      {"walked", "map-walk", 3,
       "local m = map.hash {key = 'u8', value = 'u8', size = 4}\nfunction filter(hdr, pld)\n  for k in pairs(m) do "
       "return false end\nend"},
      {"walked_by_number", "map-walk", 3,
       "local m = map.array {value = 'u8', size = 4}\nfunction filter(hdr, pld)\n  for _, v in ipairs(m) do return v "
       "== 1 end\nend"},
      {"counted", "map-size", 3,
       "local m = map.hash {key = 'u8', value = 'u8', size = 4}\nfunction filter(hdr, pld)\n  return #m == 1\nend"},
      {"lpm_with_ttl", "lpm-ttl", 3,
       "local m = map.lpm {key = 'ip', value = 'bool', size = 4, ttl = 5}\nfunction filter(hdr, pld, pkt)\n  return "
       "m[pkt.src]\nend"},
      {"network_made", "lpm-network", 3,
       "local m = map.lpm {key = 'ip', value = 'bool', size = 4}\nfunction filter(hdr, pld, pkt)\n  m[{pkt.src, 24}] = "
       "true\nend"},
      {"many_maps", "too-many-maps", 60,
       "local m = {}\nfor i = 1, 57 do m[i] = map.counter {} end\nfunction filter(hdr, pld)\n" +
           repeated(57, "  m[", "]:add(1)\n") + "end"},
      {"text_as_key", "address-text", 3,
       "local m = map.hash {key = 'ip', value = 'u8', size = 4}\nfunction filter(hdr, pld)\n  return m[tostring(pld)] "
       "== "
       "1\nend"},
      {"quoted_conversion", "log-format", 2, "function filter(hdr, pld)\n  log('%q', tostring(pld))\nend"},
      {"no_conversion", "log-format", 2, "function filter(hdr, pld)\n  log('%123d', #pld)\nend"},
      {"half_a_conversion", "log-format", 2, "function filter(hdr, pld)\n  log('%', #pld)\nend"},
      {"float_logged", "log-format", 2, "function filter(hdr, pld)\n  log('%g %d', 0.5, pld[0])\nend"},
      {"table_logged", "log-value", 2, "function filter(hdr, pld)\n  log({pld[0]})\nend"},
      {"format_of_packet", "dynamic-format", 2, "function filter(hdr, pld)\n  log(tostring(pld), pld[0])\nend"},
      {"long_log", "log-too-long", 3,
       "function filter(hdr, pld)\n  local s = tostring(pld)\n  log('%s%s%s%s%s%s%s%s', s, s, s, s, s, s, s, s)\nend"},
  };
  return all;
}

class Refused : public testing::TestWithParam<Case> {};

TEST_P(Refused, SaysCodeLineAndWhatToWriteInstead) {
  const Case& expected = GetParam();
  const Diagnostics found = refusals(expected.script, expected.target);
  ASSERT_FALSE(found.empty()) << "it compiles";
  const auto match = std::ranges::find_if(found, [&](const Diagnostic& one) { return one.code == expected.code; });
  ASSERT_NE(match, found.end()) << to_text(found.front());
  EXPECT_EQ(match->line, expected.line) << to_text(*match);
  EXPECT_FALSE(match->message.empty());
  EXPECT_FALSE(match->hint.empty());
  EXPECT_EQ(match->file, "script.lua");
}

INSTANTIATE_TEST_SUITE_P(Codes, Refused, testing::ValuesIn(cases()),
                         [](const auto& each) { return std::string(each.param.name); });

// The codes in the first column of the manual's table.
std::set<std::string> codes_of_manual() {
  std::ifstream file(PERILUNE_SOURCE_DIR "/docs/kernel-lua.md");
  std::set<std::string> codes;
  bool refusals = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) refusals = line == "## Refusals";
    if (refusals && line.starts_with("| `")) codes.insert(line.substr(3, line.find('`', 3) - 3));
  }
  return codes;
}

// The codes that the compiler's sources write.
std::set<std::string> codes_of_sources() {
  static const std::regex code(
      R"re((?:refuse\(|Refusal\{|tuple\{|kError, |kTables, |false, false, |k(?:Build|Code) = )\s*"([a-z]+(?:-[a-z]+)*)")re");
  std::set<std::string> codes;
  const std::filesystem::path folder = PERILUNE_SOURCE_DIR "/src/compiler";
  std::vector<std::filesystem::path> files{folder / "filter_compiler.cpp"};
  for (const auto& entry : std::filesystem::directory_iterator(folder / "lowering"))
    files.push_back(entry.path());
  for (const std::filesystem::path& path : files) {
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (std::sregex_iterator match(text.begin(), text.end(), code), end; match != end; ++match)
      codes.insert((*match)[1]);
  }
  return codes;
}

TEST(Refusals, TheManualHasAllThatTheCompilerWrites) {
  EXPECT_EQ(codes_of_manual(), codes_of_sources());
}

TEST(Refusals, AreThoseOfTheManual) {
  std::set<std::string> refused;
  for (const Case& one : cases())
    refused.insert(one.code);
  // No script can cause these: they say that the compiler cannot read what Lua's own wrote, or is wrong itself.
  refused.insert({"bytecode", "compiler-bug"});
  EXPECT_EQ(codes_of_manual(), refused);
}

// The compiler puts copies beside what the script itself holds, and Lua ends the process where it may not fail.
TEST(Refusals, NoneForLongTextsOfTheMainChunkAndNoEndOfTheProcess) {
  const std::string texts = "local a = ('a'):rep(26 << 20)\nlocal b = a .. 'b'\n";
  EXPECT_TRUE(refusals(texts + "function filter(hdr, pld)\n  return a < b\nend", Target()).empty());
  const Diagnostics found =
      refusals(texts + "function filter(hdr, pld)\n  return a:find(b, 1, true) == pld[0]\nend", Target());
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front().code, "constant-memory") << to_text(found.front());
}

TEST(Refusals, ComeTogether) {
  const Diagnostics found = refusals(
      "function filter(hdr, pld)\n  if pld[0] == 1 then\n    return pld[1] / 2 == 1\n  end\n"
      "  return ('a'):rep(pld[0]) == 'a'\nend",
      Target());
  ASSERT_EQ(found.size(), 2U);
  std::set<uint32_t> lines;
  for (const Diagnostic& one : found)
    lines.insert(one.line);
  EXPECT_EQ(lines, (std::set<uint32_t>{3, 5}));
}

}  // namespace
}  // namespace perilune::compiler
