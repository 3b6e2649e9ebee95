// What loading says: diagnostics by code and line, entry points, require.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "script/state/source.h"
#include "state_helpers.h"

namespace perilune::script {
namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = testing::TempDir() + "perilune-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  std::string write(const std::string& name, const std::string& text) const {
    const std::string file = path_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }

 private:
  std::string path_;
};

Diagnostic file_failure(const std::string& path, const Options& options = {}) {
  auto state = State::load_file(path, options);
  if (state) {
    ADD_FAILURE() << "it loads";
    return {};
  }
  return state.error().front();
}

TEST(StateLoad, FilesThatCannotBeRead) {
  const Folder folder;
  EXPECT_EQ(file_failure(folder.path() + "/missing.lua").code, "cannot-read");
  const Diagnostic directory = file_failure(folder.path());
  EXPECT_EQ(directory.code, "cannot-read");
  EXPECT_NE(directory.message.find("directory"), std::string::npos);
}

TEST(StateLoad, Bytecode) {
  const Folder folder;
  EXPECT_EQ(file_failure(folder.write("a.lua", "\x1bLua\x54")).code, "bytecode");
  EXPECT_EQ(file_failure(folder.write("b.lua", "#!/usr/bin/lua\n\x1bLua\x54")).code, "syntax");
  EXPECT_EQ(file_failure(folder.write("c.lua", "\xEF\xBB\xBF\x1bLua\x54")).code, "bytecode");
}

TEST(StateLoad, FirstLineAndByteOrderMarkKeepLineNumbers) {
  const Folder folder;
  const Diagnostic error = file_failure(folder.write("a.lua", "\xEF\xBB\xBF#!/usr/bin/env lua\nlocal x = = 1\n"));
  EXPECT_EQ(error.code, "syntax");
  EXPECT_EQ(error.line, 2U);
  EXPECT_EQ(error.file, folder.path() + "/a.lua");
  EXPECT_EQ(error.message, "unexpected symbol near '='");
}

TEST(StateLoad, LongNamesStayWhole) {
  const std::string name = std::string(120, 'n') + ".lua";
  auto state = State::load_text("x = = 1", name, "", {});
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().front().file, name);
  EXPECT_EQ(state.error().front().line, 1U);
  for (const size_t length : {58U, 59U, 60U, 61U}) {
    const std::string at_limit(length, 'n');
    auto other = State::load_text("\n\nerror('here')", at_limit, "", {});
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().front().file, at_limit);
    EXPECT_EQ(other.error().front().line, 3U);
    EXPECT_EQ(other.error().front().message, "here");
  }
}

TEST(StateLoad, RunTimeErrorsHavePlaceAndTraceback) {
  const Diagnostic error = load_failure("local function inner()\n  error('bad')\nend\ninner()\n");
  EXPECT_EQ(error.code, "load-error");
  EXPECT_EQ(error.line, 2U);
  EXPECT_EQ(error.message, "bad");
  EXPECT_NE(error.hint.find("test.lua:4: in main chunk"), std::string::npos) << error.hint;
}

TEST(StateLoad, NoEntryPoint) {
  const Diagnostic missing = load_failure("x = 1");
  EXPECT_EQ(missing.code, "no-entry-point");
  EXPECT_NE(missing.hint.find("function filter(hdr, pld, pkt)"), std::string::npos);
  const Diagnostic misspelt = load_failure("function fliter() end");
  EXPECT_NE(misspelt.hint.find("did you mean 'fliter'?"), std::string::npos) << misspelt.hint;
  EXPECT_EQ(load_failure("filter = {}").message, "'filter' is a table, not a function");
  Options options;
  options.function = "judge";
  EXPECT_EQ(load_failure("function filter() end", options).code, "no-entry-point");
  EXPECT_NE(load("function judge() end", options), nullptr);
}

TEST(StateLoad, TinyMemoryLimits) {
  bool loaded = false;
  for (size_t memory = 0; memory < (size_t{1} << 18) && !loaded; memory += 997) {
    Options options;
    options.limits.memory = memory;
    auto state = State::load_text("function filter() return true end", "test.lua", "", options);
    loaded = state.has_value();
    if (!loaded) {
      EXPECT_EQ(state.error().front().code, "limit") << memory;
    } else {
      EXPECT_EQ(call(**state), "true");
    }
  }
  EXPECT_TRUE(loaded);
}

TEST(StateLoad, LimitsWhileLoading) {
  Options options;
  options.limits.load_instructions = 10'000;
  const Diagnostic loop = load_failure("\nwhile true do end", options);
  EXPECT_EQ(loop.code, "limit");
  EXPECT_EQ(loop.line, 2U);
  options = Options{};
  options.limits.load_time = std::chrono::milliseconds(20);
  EXPECT_EQ(load_failure("while true do end", options).message, "time limit reached: 20 ms while loading");
}

TEST(StateLoad, RequireFindsFilesBelowTheFolder) {
  const Folder folder;
  folder.write("lists/blocked.lua", "local name, file = ...\nreturn { name = name, file = file }");
  folder.write("plain.lua", "counter = (counter or 0) + 1");
  const std::string main = folder.write("main.lua",
                                        "local b = require 'lists.blocked'\n"
                                        "assert(b.name == 'lists.blocked' and b.file:match('lists/blocked.lua$'))\n"
                                        "assert(require 'plain' == true and require 'plain' == true and counter == 1)\n"
                                        "assert(require 'string' == string and require 'data'.new and require 'net')\n"
                                        "assert(require 'map' == map and require 'log' == log)\n"
                                        "function filter() return require 'lists.blocked' == b end");
  auto state = State::load_file(main, {});
  ASSERT_TRUE(state) << to_text(state.error().front());
  EXPECT_EQ(call(**state), "true");
}

TEST(StateLoad, RequireNamesTheModuleThatIsWrong) {
  const Folder folder;
  folder.write("broken.lua", "local x = 1\nlocal y = = 2");
  folder.write("failing.lua", "\n\nerror 'no luck'");
  folder.write("a.lua", "require 'b'");
  folder.write("b.lua", "require 'a'");
  const Diagnostic broken = load_failure("require 'broken'", {}, folder.path());
  EXPECT_EQ(broken.code, "syntax");
  EXPECT_EQ(broken.file, folder.path() + "/broken.lua");
  EXPECT_EQ(broken.line, 2U);
  const Diagnostic failing = load_failure("require 'failing'", {}, folder.path());
  EXPECT_EQ(failing.code, "load-error");
  EXPECT_EQ(failing.file, folder.path() + "/failing.lua");
  EXPECT_EQ(failing.line, 3U);
  const Diagnostic cycle = load_failure("require 'a'", {}, folder.path());
  EXPECT_NE(cycle.message.find("a -> b -> a"), std::string::npos) << cycle.message;
  // A module that failed may be asked for again, and fails again: it is not "still loading".
  const Diagnostic again = load_failure("pcall(require, 'failing')\nrequire 'failing'", {}, folder.path());
  EXPECT_EQ(again.message, "no luck");
}

TEST(StateLoad, ChainsOfCallsEndWithTheTime) {
  Options options;
  options.limits.load_time = std::chrono::milliseconds(100);
  const std::string chain = "local t = setmetatable({}, {}) getmetatable(t).__call = t\n";
  for (const std::string use : {"t()", "pcall(t)", "while true do pcall(t) end"}) {
    const Diagnostic error = load_failure(chain + use, options);
    EXPECT_NE(error.message.find("time limit reached: 100 ms while loading"), std::string::npos) << error.message;
    EXPECT_EQ(error.line, 2U);
  }
}

TEST(StateLoad, RequireStaysInTheFolder) {
  const Folder folder;
  const Folder outside;
  outside.write("secret.lua", "return 'secret'");
  std::filesystem::create_symlink(outside.path() + "/secret.lua", folder.path() + "/link.lua");
  std::filesystem::create_directory_symlink(outside.path(), folder.path() + "/linked");
  folder.write("here.lua", "return 'here'");
  std::filesystem::create_symlink("here.lua", folder.path() + "/alias.lua");
  ASSERT_EQ(mkfifo((folder.path() + "/pipe.lua").c_str(), 0600), 0);
  std::filesystem::create_directory(folder.path() + "/folder.lua");
  folder.write("bytecode.lua", "\x1bLua\x54");
  for (const std::string name : {"link", "linked.secret"}) {
    const Diagnostic error = load_failure("require '" + name + "'", {}, folder.path());
    EXPECT_NE(error.message.find("leads out of the script's folder"), std::string::npos) << error.message;
  }
  for (const std::string name :
       {"pipe", "folder", "missing", "bytecode", "..secret", "a..b", "", "x/y", "/etc/passwd"}) {
    const Diagnostic error = load_failure("require '" + name + "'", {}, folder.path());
    EXPECT_EQ(error.code, "load-error") << name;
    EXPECT_NE(error.message.find("not found"), std::string::npos) << error.message;
  }
  EXPECT_TRUE(State::load_text("assert(require 'alias' == 'here') function filter() end", "t", folder.path(), {}));
  EXPECT_NE(load_failure("require 'here'").message.find("has no folder"), std::string::npos);
}

}  // namespace
}  // namespace perilune::script
