#include <gtest/gtest.h>
#include <lua.h>

#include "script/state.h"
#include "state_helpers.h"

namespace perilune::script {
namespace {

TEST(StateLoad, CallsTheEntryPoint) {
  auto state = load("function filter() return 1 + 1 end");
  NoArguments arguments;
  ASSERT_TRUE(state->call(arguments, 1)) << state->error().message;
  EXPECT_EQ(lua_tointeger(state->lua(), -1), 2);
  state->finish();
}

}  // namespace
}  // namespace perilune::script
