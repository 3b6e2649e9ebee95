// A test file: Lua that returns a table of cases, loaded in a sandboxed state, read into cases (docs/testing.md).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/testing/lua_value.h"
#include "cli/testing/packet_module.h"
#include "engine/engine.h"
#include "packet/packet.h"
#include "script/packet/packet_binding.h"
#include "script/state/state.h"

namespace perilune::cli {

/// What is to be true of a packet after the script; `wanted` holds the fields, or the case has a function for it.
struct ExpectedAfter {
  bool function = false;
  LuaValue wanted;
};

struct ExpectedVerdicts {
  std::map<uint64_t, packet::Verdict> packets;  // by number
  std::optional<packet::Verdict> others;        // packets that are not named
  bool complete = false;                        // a plain list: there must be exactly as many packets
  std::map<packet::Verdict, uint64_t> counts;   // or how many of each; those not named are not compared
};

struct TestCase {
  int64_t index = 0;  // in the file's table, from 1
  std::string name;
  std::string script;
  std::string capture;  // empty: packets
  std::string filter;
  std::vector<BuiltPacket> packets;
  engine::Options engine;
  std::optional<ExpectedVerdicts> verdicts;
  std::map<uint64_t, ExpectedAfter> after;
  LuaValue maps;
  LuaValue logs;
  LuaValue errors;
};

class TestFile {
 public:
  /// Loads and reads the file. Diagnostics name the case and the field that is wrong.
  [[nodiscard]] static tl::expected<std::unique_ptr<TestFile>, Diagnostics> load(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// What is odd about its code, but no error.
  [[nodiscard]] const Diagnostics& warnings() const { return warnings_; }
  [[nodiscard]] const std::vector<TestCase>& cases() const { return cases_; }

  /// Calls the function that the case gives for packet `number` in `after`, with hdr, pld, pkt over `packet`. Empty
  /// when it is content, else what it found: its error, or that it returned false.
  [[nodiscard]] std::string call_after(const TestCase& test, uint64_t number, const packet::Packet& packet);

 private:
  TestFile() = default;

  std::string path_;
  Diagnostics warnings_;
  std::unique_ptr<script::State> state_;
  std::unique_ptr<script::PacketBinding> binding_;
  std::vector<TestCase> cases_;
};

}  // namespace perilune::cli
