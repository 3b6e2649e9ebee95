#include "table_file.h"

#include <fstream>
#include <limits>
#include <map>
#include <ranges>
#include <sstream>

#include <fmt/format.h>

namespace perilune::parity {
namespace {

constexpr size_t kSampledCases = 300;
constexpr size_t kSampledScripts = 4;
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

/// What a parser of numbers, a pattern or an index may trip over.
constexpr std::string_view kAwkward(" \t\n\v\f\r+-.019afxezG\0\xff%", 21);

const std::vector<int64_t>& integers_named(const std::string& name) {
  static const std::map<std::string, std::vector<int64_t>> sets{
      {"near",
       {0, 1, -1, 2, -2, 3, -3, 4, -4, 5, int64_t{1} << 31, int64_t{1} << 32, -(int64_t{1} << 31), -(int64_t{1} << 32),
        kMost, kMost - 1, kLeast, kLeast + 1}},
      {"edges",
       {0,
        1,
        -1,
        2,
        -2,
        3,
        -3,
        7,
        -7,
        8,
        -8,
        10,
        -10,
        16,
        31,
        32,
        33,
        62,
        63,
        -63,
        64,
        -64,
        65,
        -65,
        127,
        128,
        255,
        256,
        65535,
        65536,
        (int64_t{1} << 31) - 1,
        int64_t{1} << 31,
        -(int64_t{1} << 31),
        -(int64_t{1} << 31) - 1,
        (int64_t{1} << 32) - 1,
        int64_t{1} << 32,
        int64_t{1} << 53,
        (int64_t{1} << 53) + 1,
        int64_t{1} << 62,
        kMost - 1,
        kMost,
        kLeast,
        kLeast + 1}},
      {"small", {-3, -1, 0, 1, 2, 3, 4, 5, 7}},
      {"bases", {2, 8, 10, 11, 16, 35, 36, -1, 0, 1, 37, kMost, kLeast}},
      {"bytes",
       {0, 1, 9, 10, 32, 37, 64, 65, 90, 91, 96, 97, 122, 123, 127, 128, 223, 254, 255, 256, -1, kLeast, kMost}},
  };
  static const std::vector<int64_t> none;
  const auto found = sets.find(name);
  return found == sets.end() ? none : found->second;
}

const std::vector<std::string>& texts_named(const std::string& name) {
  using namespace std::string_literals;
  static const std::map<std::string, std::vector<std::string>> sets{
      {"words",
       {""s,
        "a"s,
        "ab"s,
        "abc"s,
        "abcdefgh"s,
        "abcdefghi"s,
        "ABCxyz[]{}@`"s,
        "\0"s,
        "a\0b"s,
        "\xff\xfe\x80\x7f"s,
        "aab"s,
        "ba\0"s,
        "ba"s,
        "hello world"s,
        "%d"s,
        "."s,
        "a.b"s,
        std::string(63, 'a'),
        std::string(64, 'a') + "b",
        std::string(150, '\xe4')}},
      {"numerals",
       {"9223372036854775807"s,
        "9223372036854775808"s,
        "-9223372036854775808"s,
        "-9223372036854775809"s,
        "18446744073709551615"s,
        "18446744073709551616"s,
        "+1"s,
        "- 1"s,
        "+-1"s,
        "--1"s,
        "0x10"s,
        "0X1p4"s,
        "1e3"s,
        " 12 "s,
        "\v12\f"s,
        "12\0"s,
        "\0"s,
        "1 2"s,
        "1_0"s,
        "7fffffffffffffff"s,
        "ffffffffffffffff"s,
        "-8000000000000000"s,
        "zz"s,
        "ZZ"s,
        "1.0"s,
        ".5"s,
        "5."s,
        "inf"s,
        "nan"s,
        "0b1"s,
        std::string(80, '0') + "1",
        std::string(70, '1'),
        std::string(30, ' ') + "1"}},
      {"patterns",
       {""s,
        "a"s,
        "."s,
        "^a"s,
        "a$"s,
        "^"s,
        "$"s,
        "a*"s,
        "a-"s,
        "a+b"s,
        "()"s,
        "(a)"s,
        "(.)(.)"s,
        "[a-f]+"s,
        "[^a]"s,
        "[]a]"s,
        "[a-]"s,
        "%a"s,
        "%A*"s,
        "%d+"s,
        "%s"s,
        "%S*"s,
        "%w"s,
        "%x+"s,
        "%c"s,
        "%p"s,
        "%l"s,
        "%u"s,
        "%g"s,
        "%z"s,
        "\0"s,
        "[%z]"s,
        "[\0]"s,
        "%f[%w]"s,
        "%f[%z]"s,
        "[%a-z]"s,
        "[a-%%]"s,
        "%%"s,
        "%."s,
        "a?a"s,
        ".-e"s,
        "(.-)%s"s,
        "^(%s*)(.-)(%s*)$"s,
        "[%w+]*()"s,
        "a"s + std::string(1, '\xff'),
        "[\x80-\xff]"s,
        "x*$"s,
        "^%-?0x?"s}},
      {"malformed", {"%"s,  "[a"s,  "["s,  "("s,     ")"s,     "(()"s, "%b"s,  "%bx"s, "%f"s,   "%fa"s, "[%"s,
                     "[]"s, "[^]"s, "%1"s, "(a)%2"s, "(a%1)"s, "a%"s,  "[a-"s, "[%a"s, "(()a"s, "%0"s}},
      {"formats", {"%d"s,       "%5d"s,     "%-5d|"s,  "%05d"s,  "%+d"s,   "% d"s,   "%x"s,     "%#x"s,  "%X"s, "%o"s,
                   "%c"s,       "%i"s,      "%u"s,     "%s"s,    "%10s"s,  "%.2s"s,  "%q"s,     "%5q"s,  "%%"s, "%"s,
                   "%y"s,       "%123d"s,   "%.123d"s, "%.99d"s, "%99d"s,  "%f"s,    "%e"s,     "%g"s,   "%a"s, "%.3f"s,
                   "%s%s%s%s"s, "%-+ #0d"s, "%ll"s,    "%\0"s,   "a\0%s"s, "%.20s"s, "%5.1s|"s, "%-.5d"s}},
      {"addresses",
       {std::string(16, '\0'), std::string(15, '\0') + "\1", std::string(16, '\xff'),
        std::string(10, '\0') + "\xff\xff\xc0\0\2\1"s, std::string(12, '\0') + "\xc0\0\2\1"s,
        std::string(14, '\0') + "\2\1"s, "\x20\1\x0d\xb8"s + std::string(11, '\0') + "\1",
        "\x20\1\x0d\xb8\0\0\0\1\0\0\0\0\0\0\0\1"s, "\x20\1\x0d\xb8\0\0\0\1\0\0\0\1\0\0\0\1"s,
        "\x20\1\x0d\xb8\0\0\0\0\0\1\0\0\0\0\0\1"s, "\xfe\x80"s + std::string(14, '\0'), "\0\1"s + std::string(14, '\0'),
        "\0\0\0\1\0\2\0\3\0\4\0\5\0\6\0\7"s, "\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\0"s, "\0\1\0\2\0\0\0\0\0\5\0\0\0\0\0\x0a"s,
        "\x0a\0\0\xff"s, "\1\2\3\4\5\6"s, "\1\2\3"s, ""s}},
      {"address texts",
       {""s,
        "0"s,
        "1"s,
        "00"s,
        "255"s,
        "256"s,
        "ffff"s,
        "10000"s,
        "g"s,
        "::"s,
        ":"s,
        "1:2:3"s,
        "1:2:3:4:5:6"s,
        "1:2:3:4:5:6:7"s,
        "1:2:3:4:5:6:7:8"s,
        "192.0.2.1"s,
        "192.0.2"s,
        "192.0.2.01"s,
        "192.0.2.256"s,
        "1.2.3.4.5"s,
        "::ffff:192.0.2.1"s,
        "02:00:5e:00:53:01"s,
        "02-00-5E-00-53-01"s,
        "02:00:5e:00:53"s,
        "2:0:5e:0:53:1"s,
        "1::2::3"s,
        "fe80::1%eth0"s,
        "2001:DB8::A"s,
        "::1.2.3.4"s,
        "1.2.3.4::"s}},
      {"encodings",
       {""s,
        "abc"s,
        "a\0b"s,
        "\xc3\xa4"s,
        "a\xc3\xa4z"s,
        "\xe2\x82\xac"s,
        "\xf0\x9f\x98\x80"s,
        "\xe2\x82"s,
        "\xc3"s,
        "\x80"s,
        "a\x80z"s,
        "\xc0\x80"s,
        "\xe0\x80\x80"s,
        "\xf0\x80\x80\x80"s,
        "\xed\xa0\x80"s,
        "\xf4\x90\x80\x80"s,
        "\xf8\x88\x80\x80\x80"s,
        "\xfd\xbf\xbf\xbf\xbf\xbf"s,
        "\xfe"s,
        "\xff"s,
        "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"s,
        "\xef\xbf\xbf"s,
        "\x7f\xc2\x80"s}},
      {"packings", {"b"s,   "B"s,  "h"s,  "H"s,  "i3"s, "I16"s, "i17"s, "i0"s,  "j"s,    "J"s,   "l"s,   "n"s,
                    "f"s,   "d"s,  "s1"s, "s"s,  "z"s,  "x"s,   "Xb"s,  "X"s,   "!8j"s,  "!3j"s, "<i2"s, ">i2"s,
                    "=i2"s, "c2"s, "c"s,  "c0"s, "y"s,  " "s,   "bx"s,  "i16"s, "!17i"s, "Xz"s,  "s17"s, "!4i8"s}},
  };
  static const std::vector<std::string> none;
  const auto found = sets.find(name);
  return found == sets.end() ? none : found->second;
}

/// Every text of up to `longest` awkward bytes.
std::vector<std::string> all_texts(size_t longest) {
  std::vector<std::string> all{""};
  size_t begin = 0;
  for (size_t length = 1; length <= longest; ++length) {
    const size_t end = all.size();
    for (size_t i = begin; i < end; ++i) {
      for (const char c : kAwkward)
        all.push_back(all[i] + c);
    }
    begin = end;
  }
  return all;
}

std::string literal(int64_t value) {
  return value == kLeast ? "0x8000000000000000" : fmt::format("({})", value);
}

std::string literal(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text)
    quoted += fmt::format("\\{:03}", static_cast<unsigned char>(c));
  return quoted + "'";
}

std::string readable(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    const bool plain = c >= ' ' && c <= '~' && c != '\\' && c != '\'';
    quoted += plain ? std::string(1, c) : fmt::format("\\{:03}", static_cast<unsigned char>(c));
  }
  return quoted + "'";
}

struct Domain {
  bool is_text = false;
  bool is_view = false;
  bool is_source = false;  // the texts are written into the script as they are
  std::vector<std::string> texts;
  std::vector<int64_t> integers;
  [[nodiscard]] size_t size() const { return texts.empty() ? integers.size() : texts.size(); }
};

Result<Domain> domain_named(std::string words, const std::string& path) {
  words.erase(0, words.find_first_not_of(' '));
  words.erase(words.find_last_not_of(' ') + 1);
  Domain domain;
  if (words.starts_with("view ")) {
    domain.is_view = true;
    words.erase(0, 5);
  }
  if (words.starts_with("= ")) {
    domain.is_source = true;
    constexpr std::string_view kBar = " | ";
    for (size_t at = 2; at < words.size();) {
      const size_t end = std::min(words.find(kBar, at), words.size());
      domain.texts.push_back(words.substr(at, end - at));
      at = end + kBar.size();
    }
  } else if (words.starts_with("text ")) {
    domain.is_text = true;
    domain.texts = all_texts(static_cast<size_t>(std::stoul(words.substr(5))));
  } else if (!texts_named(words).empty()) {
    domain.is_text = true;
    domain.texts = texts_named(words);
  } else {
    domain.integers = integers_named(words);
  }
  if (domain.size() == 0) return input_error(fmt::format("{}: there is no set of values '{}'", path, words));
  return domain;
}

Result<std::vector<Domain>> domains_named(const std::string& list, const std::string& path) {
  std::vector<Domain> domains;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) {
    auto domain = domain_named(word, path);
    if (!domain) return tl::make_unexpected(domain.error());
    domains.push_back(std::move(*domain));
  }
  return domains;
}

/// Which of `all` are taken: each, or `most` of them, spread evenly.
std::vector<size_t> chosen(size_t all, size_t most, bool whole, uint64_t seed) {
  const size_t step = whole || all <= most ? 1 : all / most;
  std::vector<size_t> taken;
  for (size_t i = step == 1 ? 0 : seed % step; i < all; i += step)
    taken.push_back(i);
  return taken;
}

TableCase case_number(size_t number, const std::vector<Domain>& domains) {
  TableCase one;
  for (const Domain& domain : domains) {
    const size_t at = number % domain.size();
    number /= domain.size();
    if (domain.is_text) {
      one.texts.push_back(domain.texts[at]);
    } else {
      one.integers.push_back(domain.integers[at]);
    }
  }
  return one;
}

struct Constant {
  std::string name;
  Domain domain;
};

TableScript script_number(size_t number, const std::vector<Constant>& constants, std::string text) {
  TableScript script;
  // The last first: its pieces of Lua may name the others.
  for (const Constant& constant : constants | std::views::reverse) {
    const size_t at = number % constant.domain.size();
    number /= constant.domain.size();
    const Domain& domain = constant.domain;
    std::string value;
    if (domain.is_source) {
      value = domain.texts[at];
    } else {
      value = domain.is_text ? literal(domain.texts[at]) : literal(domain.integers[at]);
    }
    const std::string place = "@" + constant.name;
    for (size_t found = 0; (found = text.find(place, found)) != std::string::npos; found += value.size())
      text.replace(found, place.size(), value);
    const std::string shown = domain.is_text ? readable(domain.texts[at]) : value;
    script.constants += fmt::format("{}{} = {}", script.constants.empty() ? "" : ", ", constant.name, shown);
  }
  script.text = std::move(text);
  return script;
}

}  // namespace

Result<TableFile> read_table_file(const std::string& path, bool whole, uint64_t seed) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return input_error(fmt::format("{} cannot be read", path));
  std::stringstream content;
  content << in.rdbuf();
  const std::string text = content.str();
  TableFile table;
  table.name = path.substr(path.rfind('/') + 1);
  std::vector<Domain> arguments;
  std::vector<Constant> constants;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line) && line.starts_with("--");) {
    if (line == "-- only: lua") table.only_lua = true;
    if (line == "-- may be refused") table.may_be_refused = true;
    const size_t colon = line.find(": ");
    if (line.starts_with("-- arguments: ")) {
      auto domains = domains_named(line.substr(colon + 2), path);
      if (!domains) return tl::make_unexpected(domains.error());
      arguments = std::move(*domains);
    } else if (line.starts_with("-- each ") && colon != std::string::npos) {
      auto domain = domain_named(line.substr(colon + 2), path);
      if (!domain) return tl::make_unexpected(domain.error());
      constants.push_back({line.substr(8, colon - 8), std::move(*domain)});
    }
  }
  size_t cases = 1;
  for (const Domain& domain : arguments) {
    table.argument_is_text.push_back(domain.is_text);
    table.has_views = table.has_views || domain.is_view;
    cases *= domain.size();
  }
  for (const size_t number : chosen(cases, kSampledCases, whole, seed))
    table.cases.push_back(case_number(number, arguments));
  size_t scripts = 1;
  for (const Constant& constant : constants)
    scripts *= constant.domain.size();
  for (const size_t number : chosen(scripts, kSampledScripts, whole, seed))
    table.scripts.push_back(script_number(number, constants, text));
  return table;
}

std::string record_of(const TableCase& one) {
  std::string record;
  for (size_t n = 0; n < 2; ++n) {
    const auto value = static_cast<uint64_t>(n < one.integers.size() ? one.integers[n] : 0);
    for (int shift = 0; shift < 64; shift += 8)
      record += static_cast<char>(value >> shift);
  }
  for (size_t n = 0; n < 2; ++n)
    record += static_cast<char>(n < one.texts.size() ? one.texts[n].size() : 0);
  for (const std::string& text : one.texts)
    record += text;
  return record;
}

std::string shown_case(const TableCase& one, const std::vector<bool>& argument_is_text) {
  std::string shown;
  size_t texts = 0;
  size_t integers = 0;
  for (const bool is_text : argument_is_text) {
    if (!shown.empty()) shown += ", ";
    shown += is_text ? readable(one.texts[texts++]) : fmt::format("{}", one.integers[integers++]);
  }
  return "(" + shown + ")";
}

}  // namespace perilune::parity
