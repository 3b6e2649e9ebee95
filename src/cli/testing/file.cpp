#include "cli/testing/file.h"

#include <charconv>

#include <fmt/format.h>

#include "cli/testing/case.h"
#include "compiler/lua/bytecode.h"
#include "compiler/lua/checked_script.h"
#include "script/state/source.h"

namespace perilune::cli {
namespace {

constexpr const char* kEntryPoint = "perilune_test";

/// The test's text as the body of a function that gets `packet`, on the same lines as in its file; after it the entry
/// point through which its result and its `after` functions are reached. The text runs while the state is loading, so
/// `require` works.
std::string wrap(const std::string& text) {
  return fmt::format(
      "{} local perilune_cases = (function(packet) {}\n"
      "end)(packet) function {}(case, number, ...) "
      "if case == 0 then return perilune_cases end "
      "local own = perilune_cases[case].after or perilune_cases.after "
      "return own[number](...) end",
      packet_module_source(), text, kEntryPoint);
}

/// Pushes which function is meant, and the packet it is about.
class Call final : public script::Arguments {
 public:
  Call(int64_t test, uint64_t number, script::PacketBinding* binding)
      : test_(test), number_(number), binding_(binding) {}
  int push(lua_State* L, int /*wanted*/) override {
    lua_pushinteger(L, test_);
    lua_pushinteger(L, static_cast<lua_Integer>(number_));
    constexpr int kArguments = 3;  // hdr, pld, pkt
    return 2 + (binding_ == nullptr ? 0 : binding_->push(L, kArguments));
  }

 private:
  int64_t test_;
  uint64_t number_;
  script::PacketBinding* binding_;
};

script::Limits generous() {
  script::Limits limits;
  limits.memory = size_t{1} << 30;
  limits.call_instructions = 100'000'000;
  limits.call_time = std::chrono::milliseconds(10'000);
  return limits;
}

/// "file:line: what the compiler says", taken apart.
Diagnostic syntax_diagnostic(const std::string& path, const std::string& message) {
  Diagnostic diagnostic{Severity::kError, "syntax", path, 0, message, {}};
  const size_t colon = message.find(".lua:");
  if (colon == std::string::npos) return diagnostic;
  const size_t digits = colon + 5;
  const size_t end = message.find(": ", digits);
  if (end == std::string::npos) return diagnostic;
  const auto [rest, code] = std::from_chars(message.data() + digits, message.data() + end, diagnostic.line);
  if (code == std::errc() && rest == message.data() + end) diagnostic.message = message.substr(end + 2);
  return diagnostic;
}

Diagnostics file_error(const std::string& path, const Error& error) {
  return {{Severity::kError, "test-file", path, 0, error.message, error.hint}};
}

}  // namespace

tl::expected<std::unique_ptr<TestFile>, Diagnostics> TestFile::load(const std::string& path) {
  auto text = script::read_script(path);
  if (!text) return tl::make_unexpected(std::move(text.error()));
  // Alone first: the wrapping would turn a missing `end` into a message about the wrapping.
  script::LoadRecord record;
  script::Options options;
  options.function = kEntryPoint;
  options.record = &record;
  options.limits = generous();
  options.seed = 1;
  if (auto alone = compiler::compile(*text, path); !alone) {
    return tl::make_unexpected(Diagnostics{syntax_diagnostic(path, alone.error().message)});
  }
  auto state = script::State::load_text(wrap(*text), path, script::folder_of(path), options);
  if (!state) return tl::make_unexpected(std::move(state.error()));
  record.sources.front().text = std::move(*text);  // without what was wrapped around it
  Diagnostics found = compiler::unknown_globals_in(record, {"packet"});
  if (compiler::has_errors(found)) return tl::make_unexpected(std::move(found));

  std::unique_ptr<TestFile> file(new TestFile);
  file->path_ = path;
  file->state_ = std::move(*state);
  file->warnings_ = std::move(found);
  Call wants_cases(0, 0, nullptr);
  if (!file->state_->call(wants_cases, 0)) {
    return tl::make_unexpected(file_error(path, {Fault::kInput, file->state_->error().message, {}}));
  }
  const LuaValue table = LuaValue::copy(file->state_->lua(), -1);
  file->state_->finish();
  Result<std::vector<TestCase>> cases = read_cases(table, path);
  if (!cases) return tl::make_unexpected(file_error(path, cases.error()));
  file->cases_ = std::move(*cases);
  file->binding_ = std::make_unique<script::PacketBinding>(*file->state_);
  return file;
}

std::string TestFile::call_after(const TestCase& test, uint64_t number, const packet::Packet& packet) {
  const packet::Location location = packet::locate(packet.bytes, packet.wire_length, packet.link);
  binding_->begin(packet, location);
  Call call(test.index, number, binding_.get());
  std::string problem;
  if (state_->call(call, number)) {
    lua_State* L = state_->lua();
    if (lua_isboolean(L, -1) && lua_toboolean(L, -1) == 0) problem = "the function returned false";
    state_->finish();
  } else {
    const script::ScriptError& error = state_->error();
    problem = error.line == 0 ? error.message : fmt::format("{}:{}: {}", error.file, error.line, error.message);
  }
  binding_->end();
  return problem;
}

}  // namespace perilune::cli
