#include "bench/script_families.h"

#include <cstdint>

#include <fmt/format.h>

namespace perilune::bench {
namespace {

/// Numbers that look random and are the same in each run.
class Numbers {
 public:
  uint32_t below(uint32_t limit) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<uint32_t>(state_ >> 33) % limit;
  }
  uint32_t port() { return 1 + below(65535); }

 private:
  uint64_t state_ = 42;
};

/// `line(numbers, i)` for each line, between a filter's first lines and its last.
template <typename Line>
std::string filter_of(const char* before, const char* first, size_t lines, const char* last, Line line) {
  Numbers numbers;
  std::string text = fmt::format(
      "{}\nfunction filter(hdr, pld, pkt)\n"
      "  local d, s = pkt.dport, pkt.sport\n"
      "  if not d or #pld < 64 then return true end\n"
      "  local n, x = 0, pld[0]\n  {}\n",
      before, first);
  for (size_t i = 0; i < lines; ++i)
    text += "  " + line(numbers, i) + "\n";
  return text + "  " + last + "\nend\n";
}

constexpr const char* kLast = "return n % 7 ~= 3";

std::string comparisons(size_t lines) {
  return filter_of("", "", lines, "return true", [](Numbers& numbers, size_t) {
    return fmt::format("if d == {} and s > {} then return false end", numbers.port(), numbers.port());
  });
}

std::string ranges(size_t lines) {
  return filter_of("", "", lines, "return true", [](Numbers& numbers, size_t) {
    const uint32_t low = numbers.port();
    return fmt::format("if d >= {} and d <= {} and s ~= {} then return false end", low, low + 100, numbers.port());
  });
}

std::string several_fields(size_t lines) {
  return filter_of("", "", lines, "return true", [](Numbers& numbers, size_t) {
    return fmt::format("if s < {} and (d == {} or x == {}) and pkt.ttl > {} then return false end", numbers.port(),
                       numbers.port(), numbers.below(256), numbers.below(200));
  });
}

std::string chains(size_t lines) {
  return filter_of("", "if d == 0 then n = 1", lines, "end return n % 7 ~= 3", [](Numbers& numbers, size_t) {
    return fmt::format("elseif d == {} and x ~= {} then n = {}", numbers.port(), numbers.below(256),
                       numbers.below(1000));
  });
}

std::string and_or(size_t lines) {
  return filter_of("", "local ok = false", lines, "return not ok", [](Numbers& numbers, size_t) {
    return fmt::format("ok = ok or d == {} and s < {} or x == {}", numbers.port(), numbers.port(), numbers.below(256));
  });
}

std::string selects(size_t lines) {
  return filter_of("", "", lines, kLast, [](Numbers& numbers, size_t) {
    return fmt::format("n = n + (d > {} and {} or {})", numbers.port(), numbers.below(9), numbers.below(9));
  });
}

std::string nested(size_t lines) {
  return filter_of("", "", lines / 8 + 1, kLast, [](Numbers& numbers, size_t) {
    const auto field = [&] { return numbers.below(2) == 0 ? "d" : "s"; };
    std::string text;
    for (int depth = 0; depth < 3; ++depth)
      text += fmt::format("if {} > {} then\n", field(), numbers.port());
    text += fmt::format("n = n + {} else n = n ~ {} end\n", numbers.below(9), numbers.below(9));
    text += fmt::format("if x > {} then return false end\nend\nend", numbers.below(256));
    return text;
  });
}

std::string diamonds(size_t lines) {
  return filter_of("", "", lines, kLast, [](Numbers& numbers, size_t i) {
    return fmt::format("if pld[{}] > {} then n = n + {} end", i % 64, numbers.below(256), numbers.below(9));
  });
}

std::string narrowings(size_t lines) {
  return filter_of("", "", lines, kLast, [](Numbers& numbers, size_t i) {
    static constexpr const char* kForms[] = {"(n & 0xffff) +", "n // 2 +", "n * 3 // 2 +", "n % 1000 +",
                                             "(n << 1) +",     "n * 4 ~",  "(n | 64) +",   "(n >> 3) -"};
    return fmt::format("if pld[{}] == {} then n = {} {} end", i % 60, numbers.below(256), kForms[i % 8], i);
  });
}

std::string one_narrowing(size_t lines) {
  return filter_of("", "", lines, kLast, [](Numbers&, size_t i) {
    return fmt::format("if pld[{}] == {} then n = (n & 0xffff) + {} end", i % 60, i % 256, i);
  });
}

std::string locals(size_t lines) {
  std::string first = "local v0";
  std::string last = "return v0";
  for (int i = 1; i < 12; ++i) {
    first += fmt::format(", v{}", i);
    last += fmt::format(" ~ v{}", i);
  }
  first += " = s, s, s, s, s, s, s, s, s, s, s, s";
  return filter_of("", first.c_str(), lines, (last + " ~= 3").c_str(), [](Numbers&, size_t i) {
    return fmt::format("if d == {} then v{} = v{} + s elseif v{} > v{} then v{} = {} end", i, i % 12, (i + 1) % 12,
                       i % 12, (i + 5) % 12, (i + 3) % 12, i);
  });
}

std::string reads(size_t lines) {
  return filter_of("", "", lines, kLast, [](Numbers&, size_t i) { return fmt::format("n = n + pld[{}]", i % 64); });
}

std::string wide_reads(size_t lines) {
  return filter_of("", "", lines, "return true", [](Numbers&, size_t i) {
    return fmt::format("if pld:getnumber({}, 16) == {} then return false end", i % 40 * 16, i);
  });
}

std::string byte_pairs(size_t lines) {
  return filter_of(
      "", "local str = tostring(pld:segment(0, 64))", lines, "return true", [](Numbers& numbers, size_t i) {
        return fmt::format("do local a, b = str:byte({}, {}) if a == {} and b == {} then return false end end",
                           i % 60 + 1, i % 60 + 2, numbers.below(256), numbers.below(256));
      });
}

std::string computed_reads(size_t lines) {
  return filter_of("", "", lines, kLast, [](Numbers& numbers, size_t) {
    return fmt::format("n = n + pld[(n + {}) & 63]", numbers.below(64));
  });
}

std::string arithmetic(size_t lines) {
  return filter_of("", "", lines, kLast, [](Numbers& numbers, size_t i) {
    switch (i % 4) {
      case 0:
        return fmt::format("n = (n * {} + d) // {}", 3 + numbers.below(1000), 3 + numbers.below(1000));
      case 1:
        return fmt::format("n = n - (s + {}) % (x + {})", numbers.below(1000), 1 + numbers.below(1000));
      case 2:
        return fmt::format("x = (x ~ n) % {} + pld[{}]", 3 + numbers.below(1000), i % 64);
      default:
        return fmt::format("n = n + x * {} // ((d & 15) + {})", numbers.below(1000), 1 + numbers.below(5));
    }
  });
}

std::string signs(size_t lines) {
  return filter_of("", "", lines, kLast, [](Numbers& numbers, size_t i) {
    return i % 2 == 0 ? fmt::format("n = n + (d - s) // (x - {})", 300 + numbers.below(1000))
                      : fmt::format("n = n ~ (s - n) % (d + {})", 1 + numbers.below(1000));
  });
}

std::string shifts(size_t lines) {
  return filter_of("", "", lines, kLast, [](Numbers& numbers, size_t i) {
    return i % 2 == 0 ? fmt::format("n = n ~ (d << (x - {}))", numbers.below(100))
                      : fmt::format("n = n + (n >> ({} - s))", numbers.below(100));
  });
}

std::string extremes(size_t lines) {
  return filter_of("", "", lines, kLast, [](Numbers& numbers, size_t i) {
    return fmt::format("n = math.{}(n + {}, {} - d, pld[{}])", i % 2 == 0 ? "max" : "min", numbers.below(1000),
                       numbers.below(1000), i % 64);
  });
}

std::string tables(size_t lines) {
  return filter_of("local t = {} for i = 1, 100 do t[i * 37 % 256] = i end", "", lines, kLast,
                   [](Numbers& numbers, size_t i) {
                     return fmt::format("if t[pld[{}]] then n = n + {} end", i % 64, numbers.below(9));
                   });
}

std::string table_values(size_t lines) {
  return filter_of("local t = {} for i = 0, 255 do t[i] = i * 7 end", "", lines, kLast, [](Numbers& numbers, size_t i) {
    return fmt::format("n = n + (t[pld[{}] + {}] or {})", i % 64, numbers.below(40), numbers.below(9));
  });
}

std::string finds(size_t lines) {
  return filter_of("", "local str = tostring(pld)", lines, kLast, [](Numbers& numbers, size_t i) {
    return i % 2 == 0 ? fmt::format("if str:find('ab{}', 1, true) then n = n + {} end", numbers.below(1000), i % 9)
                      : fmt::format("if str:match('^x%d+k{}') then n = n + {} end", numbers.below(1000), i % 9);
  });
}

std::string equalities(size_t lines) {
  return filter_of("", "local str = tostring(pld:segment(0, 12))", lines, kLast, [](Numbers& numbers, size_t i) {
    return i % 2 == 0 ? fmt::format("if str == 'host{}.net' then n = n + {} end", numbers.below(1000), i % 9)
                      : fmt::format("if str:sub(1, 4) == 'k{:03}' then return false end", numbers.below(1000));
  });
}

std::string loops(size_t lines) {
  return filter_of("", "", lines / 3 + 1, kLast, [](Numbers& numbers, size_t) {
    return fmt::format("for i = 0, #pld - 1 do\n  if pld[i] == {} then n = n + {} end\nend", numbers.below(256),
                       numbers.below(9));
  });
}

std::string nested_loops(size_t lines) {
  return filter_of("", "", lines / 5 + 1, kLast, [](Numbers& numbers, size_t) {
    return fmt::format("for i = 0, x do\n  for j = i, d & 15 do\n    n = n + j * {}\n  end\nend", numbers.below(256));
  });
}

std::string functions(size_t lines) {
  Numbers numbers;
  std::string before;
  for (size_t i = 0; i < 50; ++i)
    before += fmt::format("local function f{}(a, b) if a > {} then return b + {} end return b end\n", i, numbers.port(),
                          numbers.below(9));
  return filter_of(before.c_str(), "", lines, kLast, [](Numbers& more, size_t i) {
    return fmt::format("n = f{}({}, n)", i % 50, more.below(2) == 0 ? "d" : "s");
  });
}

std::string maps(size_t lines) {
  return filter_of("local m = map.hash {name = 'm', key = 'u32', value = 'u64', size = 1024}", "", lines, kLast,
                   [](Numbers& numbers, size_t i) {
                     return i % 2 == 0 ? fmt::format("m[d + {}] = (m[d + {}] or 0) + 1", i % 100, i % 100)
                                       : fmt::format("n = n + (m[s + {}] or 0)", numbers.below(1000));
                   });
}

std::string counts(size_t lines) {
  return filter_of("local m = map.hash {name = 'm', key = 'u32', value = 'u64', size = 1024, ttl = 10}", "", lines,
                   kLast, [](Numbers& numbers, size_t i) {
                     return i % 2 == 0 ? fmt::format("n = n + m:add(d + {})", i % 100)
                                       : fmt::format("m[s + {}] = n", numbers.below(1000));
                   });
}

std::string logs(size_t lines) {
  return filter_of("", "", lines, kLast, [](Numbers& numbers, size_t i) {
    return fmt::format("if d == {} then log('{} %d', s) end", numbers.port(), i);
  });
}

std::string addresses(size_t lines) {
  return filter_of("", "local from = pkt.src", lines, kLast, [](Numbers& numbers, size_t) {
    return fmt::format("if from == '10.{}.{}.{}' then n = n + 1 end", numbers.below(256), numbers.below(256),
                       numbers.below(256));
  });
}

std::string writes(size_t lines) {
  return filter_of("", "", lines, kLast, [](Numbers& numbers, size_t i) {
    return fmt::format("if d > {} then pld[{}] = (pld[{}] + {}) & 255 end", numbers.port(), i % 64, (i + 7) % 64,
                       numbers.below(256));
  });
}

}  // namespace

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
      {"comparisons", comparisons},
      {"ranges", ranges},
      {"several-fields", several_fields},
      {"elseif", chains},
      {"and-or", and_or},
      {"selects", selects},
      {"nested", nested},
      {"diamonds", diamonds},
      {"narrowings", narrowings},
      {"one-narrowing", one_narrowing},
      {"locals", locals},
      {"reads", reads},
      {"wide-reads", wide_reads},
      {"byte-pairs", byte_pairs},
      {"computed-reads", computed_reads},
      {"arithmetic", arithmetic},
      {"signs", signs},
      {"shifts", shifts},
      {"extremes", extremes},
      {"tables", tables},
      {"table-values", table_values},
      {"patterns", finds},
      {"strings", equalities},
      {"loops", loops},
      {"nested-loops", nested_loops},
      {"functions", functions},
      {"maps", maps},
      {"counts", counts},
      {"logs", logs},
      {"addresses", addresses},
      {"writes", writes, 4000, true},
  };
  return all;
}

}  // namespace perilune::bench
