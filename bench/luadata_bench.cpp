// Fields of data objects beside string.unpack and string.pack on the same bytes: what a script pays per read and per
// write.
//
// Each benchmark runs one Lua function that makes kReads accesses, so that the loop's own cost is small and the same
// for both sides. The table at the end gives the ratios of this run.
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <lauxlib.h>
#include <lualib.h>

#include "luadata/luadata.h"

namespace {

// A TCP header behind an IPv4 header: what filters read most.
constexpr const char* kSetUp = R"(
  local data = require 'data'
  local net = require 'net'
  text = '\x45\0\0\x28\x12\x34\x40\0\x40\6\0\0\xc0\0\2\1\xc0\0\2\2\0\x16\xc3\x50\0\0\0\1\0\0\0\2\x50\x12\x72\x10\0\0\0\0'
  object = data.new(text):layout {
    byte = {64, 8}, u16 = {160, 16}, u32 = {192, 32}, u64 = {96, 64}, le32 = {192, 32, 'number', 'little'},
    bits4 = {4, 4}, bits13 = {51, 13}, text4 = {12, 4, 'string'},
  }
)";

struct Pair {
  const char* name;
  const char* field;   // with the object as d
  const char* string;  // with the bytes as s
};

// The reads of one side give the same values as those of the other.
constexpr Pair kReads[] = {
    {"read/byte", "d.byte", "unpack('B', s, 9)"},
    {"read/u16", "d.u16", "unpack('>I2', s, 21)"},
    {"read/u32", "d.u32", "unpack('>I4', s, 25)"},
    {"read/u64", "d.u64", "unpack('>i8', s, 13)"},
    {"read/le32", "d.le32", "unpack('<I4', s, 25)"},
    {"read/4bits", "d.bits4", "unpack('B', s, 1) & 15"},
    {"read/13bits", "d.bits13", "unpack('>I2', s, 7) & 0x1fff"},
    {"read/string4", "d.text4", "unpack('c4', s, 13)"},
};

// string.pack gives the field's bytes; putting them into the rest costs two more strings, which is what a script would
// have to do to write a field. "packed alone" leaves that out.
constexpr Pair kWrites[] = {
    {"write/u16", "d.u16 = i", "s = sub(s, 1, 20) .. pack('>I2', i & 0xffff) .. sub(s, 23)"},
    {"write/u32", "d.u32 = i", "s = sub(s, 1, 24) .. pack('>I4', i) .. sub(s, 29)"},
    {"write/u16, packed alone", "d.u16 = i", "v = pack('>I2', i & 0xffff)"},
    {"write/u32, packed alone", "d.u32 = i", "v = pack('>I4', i)"},
    {"write/13bits, packed alone", "d.bits13 = i", "v = pack('>I2', i & 0x1fff)"},
};

// What a packet costs beside its fields, for scale.
constexpr Pair kOthers[] = {
    {"other/whole text", "v = tostring(d)", "v = sub(s, 1, 40)"},
    {"other/segment", "v = d:segment(4, 8)", "v = sub(s, 5, 12)"},
    {"other/layout applied", "v = d:layout(l)", "v = #s"},
    {"other/length", "v = #d", "v = #s"},
};

constexpr int kAccesses = 1000;
constexpr int kRepetitions = 8;
constexpr double kSecondsEach = 0.03;

std::map<std::string, double>& rates() {
  static std::map<std::string, double> found;
  return found;
}

std::string function_text(const std::string& statement) {
  return "local d, s, l, v = object, text, require 'net'.ipv4, 0\n"
         "local unpack, pack, sub, tostring = string.unpack, string.pack, string.sub, tostring\n"
         "return function() for i = 1, " +
         std::to_string(kAccesses / 4) + " do " + statement + " " + statement + " " + statement + " " + statement +
         " end return v end";
}

void run(benchmark::State& state, const std::string& statement) {
  lua_State* L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "data", luaopen_data, 0);
  luaL_requiref(L, "net", luaopen_net, 0);
  lua_settop(L, 0);
  if (luaL_dostring(L, kSetUp) != LUA_OK || luaL_dostring(L, function_text(statement).c_str()) != LUA_OK) {
    state.SkipWithError(lua_tostring(L, -1));
    lua_close(L);
    return;
  }
  while (state.KeepRunning()) {
    lua_pushvalue(L, -1);
    lua_call(L, 0, 1);
    lua_pop(L, 1);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * kAccesses);
  lua_close(L);
}

void add(const Pair& pair, const char* prefix) {
  for (const bool is_field : {true, false}) {
    const std::string name = std::string(pair.name) + (is_field ? "/data" : "/string");
    const std::string statement = std::string(prefix) + (is_field ? pair.field : pair.string) + ";";
    benchmark::RegisterBenchmark(name.c_str(), [statement](benchmark::State& state) { run(state, statement); })
        ->Repetitions(kRepetitions)
        ->MinTime(kSecondsEach);
  }
}

// Keeps the best rate of the repetitions (what else the machine does only ever makes one slower); the table at the end
// shows them, so the runs themselves are not printed.
class KeepingReporter : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const auto found = run.counters.find("items_per_second");
      if (run.run_type != Run::RT_Iteration || found == run.counters.end()) continue;
      double& best = rates()[run.run_name.function_name];
      best = std::max<double>(best, found->second);
    }
  }
};

void print_ratio(const Pair& pair) {
  const double field = rates()[std::string(pair.name) + "/data"];
  const double string = rates()[std::string(pair.name) + "/string"];
  if (field <= 0 || string <= 0) return;
  std::printf("%-28s %8.1f M/s %8.1f M/s %8.2f\n", pair.name, field / 1e6, string / 1e6, field / string);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  for (const Pair& pair : kReads)
    add(pair, "v = ");
  for (const Pair& pair : kWrites)
    add(pair, "");
  for (const Pair& pair : kOthers)
    add(pair, "");
  KeepingReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  std::printf("\n%-28s %12s %12s %8s\n", "", "data", "string", "ratio");
  for (const Pair& pair : kReads)
    print_ratio(pair);
  for (const Pair& pair : kWrites)
    print_ratio(pair);
  for (const Pair& pair : kOthers)
    print_ratio(pair);
  return 0;
}
