#include "bpf/features.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <unistd.h>

#include "bpf/hook.h"

namespace perilune::bpf {
namespace {

Features everything() {
  Features features;
  for (const FeatureName& feature : feature_list())
    set(features, feature, true);
  features.permitted = true;
  return features;
}

void forget(Features& features, std::string_view hook) {
  std::erase(features.hooks, find_hook(hook));
}

TEST(Features, HooksThatAreMissingAreNamedWithThoseThereAre) {
  Features features = everything();
  EXPECT_TRUE(check_hook(features, *find_hook("tc")).has_value());
  forget(features, "tc");
  const Result<void> refused = check_hook(features, *find_hook("tc"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().fault, Fault::kSystem);
  EXPECT_NE(refused.error().message.find("tcx"), std::string::npos);
  EXPECT_NE(refused.error().hint.find("xdp:INTERFACE"), std::string::npos);
  EXPECT_NE(refused.error().hint.find("netfilter:prerouting|"), std::string::npos);
  EXPECT_EQ(refused.error().hint.find("tc:"), std::string::npos);
  EXPECT_TRUE(check_hook(features, *find_hook("xdp")).has_value());
}

TEST(Features, NothingIsThereWithoutPermission) {
  Features features = everything();
  features.permitted = false;
  features.refusal = ENOSYS;
  for (const Hook* hook : kernel_hooks())
    EXPECT_FALSE(check_hook(features, *hook).has_value());
  if (geteuid() == 0) {
    EXPECT_NE(check_hook(features, *find_hook("xdp")).error().hint.find("ENOSYS"), std::string::npos);
  }
}

TEST(Features, ChainsCarryXdpAndNetfilter) {
  Features features = everything();
  features.chains = false;
  EXPECT_FALSE(check_hook(features, *find_hook("xdp")).has_value());
  EXPECT_FALSE(check_hook(features, *find_hook("netfilter")).has_value());
  EXPECT_TRUE(check_hook(features, *find_hook("tc")).has_value());
}

TEST(Features, EveryFeatureHasANameOfItsOwn) {
  for (const FeatureName& one : feature_list()) {
    int same = 0;
    for (const FeatureName& other : feature_list())
      same += one.name == other.name || (one.member == other.member && one.hook == other.hook) ? 1 : 0;
    EXPECT_EQ(same, 1) << one.name;
  }
}

TEST(Features, ProbedOnThisKernel) {
  const Features found = probe_features().value();
  if (!found.permitted) GTEST_SKIP() << "this process may not load programs";
  // What came before the oldest kernel this program knows must be found on all.
  EXPECT_TRUE(found.has(*find_hook("xdp")));
  EXPECT_TRUE(found.chains);
  EXPECT_TRUE(found.ring_buffer);
  EXPECT_TRUE(found.bounded_loops);
  EXPECT_TRUE(found.bpf_loop);
  EXPECT_TRUE(found.xdp_load_bytes);
  EXPECT_TRUE(found.lpm_maps);
  EXPECT_TRUE(found.mapped_arrays);
  EXPECT_TRUE(found.clsact);
}

TEST(Features, TestsForgeThem) {
  ASSERT_EQ(setenv("PERILUNE_WITHOUT", "tcx,ring_buffer", 1), 0);
  const Features found = probe_features().value();
  unsetenv("PERILUNE_WITHOUT");
  EXPECT_FALSE(found.has(*find_hook("tc")));
  EXPECT_FALSE(found.ring_buffer);
  if (!found.permitted) GTEST_SKIP() << "this process may not load programs";
  EXPECT_TRUE(found.has(*find_hook("xdp")));
}

}  // namespace
}  // namespace perilune::bpf
