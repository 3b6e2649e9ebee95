// What patterns.cpp measures: Lua patterns, the same as regular expressions, and subjects typical and hostile.
#pragma once

#include <string>
#include <vector>

namespace perilune::bench {

struct PatternCase {
  std::string name;
  std::string lua;
  std::string regex;  // for RE2 and Hyperscan: matches the same subjects
};

struct PatternSubject {
  std::string name;
  std::string bytes;
};

inline std::string repeated(const std::string& text, size_t count) {
  std::string all;
  for (size_t i = 0; i < count; ++i)
    all += text;
  return all;
}

/// Bytes that look like anything but text, the same every time.
inline std::string noise(size_t length) {
  std::string bytes;
  uint32_t state = 1;
  while (bytes.size() < length) {
    state = state * 1664525 + 1013904223;
    bytes += static_cast<char>(state >> 24U);
  }
  return bytes;
}

inline const std::vector<PatternCase>& pattern_cases() {
  static const std::vector<PatternCase> cases = {
      {"ssh banner",
       R"(SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*)"
       "\r\n",
       R"(SSH-[!-~]+-([!-~]+) ?[!-~]*\r\n)"},
      {"ssh banner at the start",
       R"(^SSH%-[%d.]+%-([^ )"
       "\r\n]+)",
       R"(^SSH-[0-9.]+-([^ \r\n]+))"},
      {"request line",
       R"(^(%u+) ([^ ]+) HTTP/1%.[01])"
       "\r\n",
       R"(^([A-Z]+) ([^ ]+) HTTP/1\.[01]\r\n)"},
      {"a header's value", "\r\nUser%-Agent: ([^\r\n]+)", R"(\r\nUser-Agent: ([^\r\n]+))"},
      {"log4shell", R"(%${jndi:(%a+)://)", R"(\$\{jndi:([A-Za-z]+)://)"},
      {"a word in between", R"(union.-select.-from)", R"((?s)union.*?select.*?from)"},
      {"two fields", R"((%w+)=(%w+);)", R"(([A-Za-z0-9]+)=([A-Za-z0-9]+);)"},
  };
  return cases;
}

inline const std::vector<PatternSubject>& pattern_subjects() {
  static const std::string request =
      "GET /index.html?page=7&lang=en HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux "
      "x86_64)\r\n"
      "Accept: text/html,application/xhtml+xml\r\nAccept-Language: en-GB,en;q=0.5\r\nCookie: session=8f3a; theme=dark; "
      "n=1\r\n"
      "Connection: keep-alive\r\n\r\n";
  static const std::vector<PatternSubject> subjects = {
      {"banner, 42 bytes", "SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13.5\r\n"},
      {"HTTP request, 255 bytes", request.substr(0, 255)},
      {"noise, 255 bytes", noise(255)},
      {"noise, 1400 bytes", noise(1400)},
      {"hostile: SSH- and dashes", "SSH-" + repeated("-", 251)},
      {"hostile: one letter", repeated("a", 1400)},
      {"hostile: union, union, ...", repeated("union select ", 100)},
  };
  return subjects;
}

}  // namespace perilune::bench
