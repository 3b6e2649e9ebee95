// The scripts of tests/lua, which a stock interpreter runs too, here in a state of our own (and under the sanitizers).
#include <algorithm>
#include <filesystem>
#include <vector>

#include "support.h"

namespace perilune::luadata::test {
namespace {

std::vector<std::string> scripts() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(PERILUNE_SOURCE_DIR "/tests/lua")) {
    if (entry.path().extension() == ".lua") found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

class Script : public testing::TestWithParam<std::string> {};

TEST_P(Script, RunsWithoutError) {
  TestState state;
  ASSERT_EQ(luaL_dofile(state.lua(), GetParam().c_str()), LUA_OK) << lua_tostring(state.lua(), -1);
}

INSTANTIATE_TEST_SUITE_P(Lua, Script, testing::ValuesIn(scripts()),
                         [](const auto& script) { return std::filesystem::path(script.param).stem().string(); });

TEST(Scripts, AreThere) {
  EXPECT_GE(scripts().size(), 8U);
}

}  // namespace
}  // namespace perilune::luadata::test
