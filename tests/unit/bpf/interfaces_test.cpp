#include "bpf/interfaces.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <net/if.h>
#include <net/if_arp.h>

#include "bpf/hook.h"
#include "bpf/place.h"
#include "kernel_sandbox.h"

namespace perilune::bpf {
namespace {

class InterfacesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!sandbox_.obstacle().empty()) GTEST_SKIP() << sandbox_.obstacle();
  }
  KernelSandbox sandbox_;
};

TEST_F(InterfacesTest, AllAreListedWithHowTheirFramesBegin) {
  const Result<std::vector<Interface>> all = interfaces();
  ASSERT_TRUE(all) << all.error().message;
  std::vector<std::string> names;
  for (const Interface& one : *all) {
    names.push_back(one.name);
    EXPECT_EQ(one.index, if_nametoindex(one.name.c_str())) << one.name;
    EXPECT_EQ(one.hardware, one.name == "lo" ? ARPHRD_LOOPBACK : ARPHRD_ETHER) << one.name;
    EXPECT_EQ(one.xdp_program, 0U) << one.name;
  }
  for (const char* name : {"lo", "here0", "there0"})
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
}

TEST_F(InterfacesTest, ByIndexUntilItIsGone) {
  const uint32_t index = if_nametoindex("here0");
  const Result<std::optional<Interface>> there = interface_at(index);
  ASSERT_TRUE(there) << there.error().message;
  ASSERT_TRUE(*there);
  EXPECT_EQ((*there)->name, "here0");
  ASSERT_TRUE(KernelSandbox::shell("ip link del here0"));
  const Result<std::optional<Interface>> gone = interface_at(index);
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_FALSE(*gone);
}

TEST_F(InterfacesTest, AlternativeNamesAreNames) {
  const std::string name = "an-alternative-name-that-is-longer-than-a-first-name-may-be";
  if (!KernelSandbox::shell("ip link property add dev here0 altname " + name + " altname enp99s0")) {
    GTEST_SKIP() << "this kernel has no alternative names";
  }
  for (const std::string& one : {name, std::string("enp99s0"), std::string("here0")}) {
    const Result<Interface> found = find_interface(one);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->name, "here0");
    AttachPoint point;
    point.hook = find_hook("tc");
    point.interface = one;
    point.part = "in";
    const Result<AttachPoint> resolved = resolve(point);
    ASSERT_TRUE(resolved) << resolved.error().message;
    EXPECT_EQ(to_string(*resolved), "tc:here0:in");
  }
  const Result<Interface> near = find_interface("enp99s1");
  ASSERT_FALSE(near);
  EXPECT_EQ(near.error().fault, Fault::kInput);
  EXPECT_NE(near.error().hint.find("did you mean 'enp99s0'"), std::string::npos) << near.error().hint;
}

}  // namespace
}  // namespace perilune::bpf
