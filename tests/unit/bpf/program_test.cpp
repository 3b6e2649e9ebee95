#include "bpf/program.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "bpf/counters.h"
#include "bpf/hook.h"
#include "filter_code.h"

namespace perilune::bpf {
namespace {

/// 60 bytes: Ethernet, IPv4, UDP 5555 -> 53, 18 bytes.
std::vector<uint8_t> udp_packet() {
  std::vector<uint8_t> packet{2,    0,    0, 0,  0, 1,  2, 0, 0,  0,  0,    2,    8,  0,                     //
                              0x45, 0,    0, 46, 0, 1,  0, 0, 64, 17, 0x66, 0xbc, 10, 0, 0, 1, 10, 0, 0, 2,  //
                              0x15, 0xb3, 0, 53, 0, 26, 0, 0};
  packet.resize(60, 'x');
  return packet;
}

struct Codes {
  const Hook* hook;
  uint32_t pass;
  uint32_t block;
};
const Codes kCodes[] = {
    {find_hook("xdp"), 2, 1},
    {find_hook("tc"), 0xffffffff, 2},
    {find_hook("netfilter"), 1, 0},
};

class Program : public ::testing::TestWithParam<Codes> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "loading programs needs root";
    options_.hook = GetParam().hook;
  }
  Result<LoadedProgram> load_filter(const ir::Image& image) {
    auto loaded = load(image, options_, &log_);
    if (!loaded)
      ADD_FAILURE() << loaded.error().message << "\n" << log_.substr(log_.size() - std::min<size_t>(log_.size(), 1500));
    return loaded;
  }
  uint32_t run(const LoadedProgram& program) {
    const auto result = test_run(program.program.get(), *GetParam().hook, udp_packet());
    if (!result) ADD_FAILURE() << result.error().message;
    return result ? result->code : 12345;
  }
  ProgramOptions options_;
  std::string log_;
};

TEST_P(Program, VerdictsBecomeTheHooksCodes) {
  for (const auto& [result, passes] :
       {std::pair{PL_PASS, true}, {PL_BLOCK, false}, {PL_NO_OPINION, true}, {PL_ERROR, false}}) {
    auto loaded = load_filter(constant_filter(result));
    ASSERT_TRUE(loaded);
    EXPECT_EQ(run(*loaded), passes ? GetParam().pass : GetParam().block) << result;
    const auto counters = read_counters(loaded->memory);
    ASSERT_TRUE(counters);
    EXPECT_EQ((*counters)[PL_COUNT_PACKETS], 1U);
    EXPECT_EQ((*counters)[PL_COUNT_PASS], passes ? 1U : 0U);
    EXPECT_EQ((*counters)[PL_COUNT_BLOCK], passes ? 0U : 1U);
    EXPECT_EQ((*counters)[PL_COUNT_ERROR], result == PL_ERROR ? 1U : 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Hooks, Program, ::testing::ValuesIn(kCodes));

}  // namespace
}  // namespace perilune::bpf
