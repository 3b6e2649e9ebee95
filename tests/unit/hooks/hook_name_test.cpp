#include "hooks/hook_name.h"

#include <gtest/gtest.h>

#include "bpf/hook.h"

namespace perilune::hooks {
namespace {

TEST(HookName, ReadsWhatItWrites) {
  for (const char* text :
       {"xdp:eth0", "tc:eth0:in", "tc:br-lan:out", "netfilter:prerouting", "netfilter:input", "netfilter:forward:10",
        "netfilter:output:-300", "netfilter:postrouting", "xdp:eth0@blue", "tc:eth0.5:in@/proc/12/ns/net",
        "netfilter:input:7@1234", "cgroup:system.slice/ssh.service:in", "cgroup:/sys/fs/cgroup/a b:out",
        "cgroup:unit:getty@tty1.service:out", "cgroup:a:b:in", "iptables:words", "iptables:w-1_x:forward"}) {
    const Result<bpf::AttachPoint> point = parse_hook(text);
    ASSERT_TRUE(point.has_value()) << text << ": " << point.error().message;
    EXPECT_EQ(to_string(*point), text);
  }
}

TEST(HookName, KnowsItsParts) {
  const Result<bpf::AttachPoint> point = parse_hook("netfilter:forward:-5@blue");
  ASSERT_TRUE(point.has_value());
  EXPECT_EQ(point->hook, bpf::find_hook("netfilter"));
  EXPECT_EQ(point->part, "forward");
  EXPECT_EQ(point->priority, -5);
  EXPECT_EQ(point->netns, "blue");
  EXPECT_FALSE(parse_hook("netfilter:forward")->priority.has_value());
}

TEST(HookName, ANamespaceOfItsOwnGoesFirst) {
  EXPECT_EQ(parse_hook("xdp:eth0", "blue")->netns, "blue");
  EXPECT_EQ(parse_hook("xdp:eth0@red", "blue")->netns, "red");
}

TEST(HookName, AControlGroupIsInNoNamespace) {
  const Result<bpf::AttachPoint> point = parse_hook("cgroup:web:in", "blue");
  ASSERT_FALSE(point.has_value());
  EXPECT_EQ(point.error().fault, Fault::kInput);
  EXPECT_NE(point.error().message.find("in no network namespace"), std::string::npos);
  EXPECT_TRUE(parse_hook("cgroup:user@1000.service:in")->netns.empty());
}

TEST(HookName, MistakesAreExplained) {
  struct Case {
    const char* text;
    const char* message;
    const char* hint;
  };
  for (const Case& one : {
           Case{"", "'' is not a hook", "xdp:INTERFACE"},
           Case{"xpd:eth0", "'xpd:eth0' is not a hook", "did you mean 'xdp'?"},
           Case{"xdp", "'xdp' is not a hook", "xdp:INTERFACE"},
           Case{"xdp:", "names no interface", "xdp:INTERFACE"},
           Case{"xdp:eth0:in", "is not a hook", "xdp:INTERFACE"},
           Case{"xdp:"
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                "aaaaaaaaaaaaaaaaaaaaaaaaaa",
                "cannot be the name of an interface", "ip link"},
           Case{"tc:eth0", "does not say which direction", "tc:eth0:in"},
           Case{"tc:eth0:up", "does not say which direction", "tc:eth0:out"},
           Case{"netfilter", "is not a hook", "netfilter:prerouting"},
           Case{"netfilter:inputt", "has no hook 'inputt'", "did you mean 'input'?"},
           Case{"netfilter:input:high", "'high' is not a priority", "whole number"},
           Case{"netfilter:input:2147483647", "is not a priority", "from -2147483647 to 2147483646"},
           Case{"netfilter:input:-2147483648", "is not a priority", "from -2147483647 to 2147483646"},
           Case{"netfilter:input:", "is not a priority", "whole number"},
           Case{"cgroup:", "names no control group", "cgroup:unit:nginx.service:in"},
           Case{"cgroup::in", "names no control group", "cgroup:PATH:in"},
           Case{"cgroup:unit:in", "names no control group", "cgroup:PATH:in"},
           Case{"cgroup:unit::in", "names no control group", "cgroup:PATH:in"},
           Case{"cgroup:web", "does not say which direction", "write cgroup:web:in"},
           Case{"cgroup:unit:web", "does not say which direction", "write cgroup:unit:web:in"},
           Case{"cgroup:web:up", "does not say which direction", "write cgroup:web:in"},
           Case{"cgroup:web:in@blue", "is in no network namespace", "write cgroup:web:in"},
           Case{"cgroup:web:in:5", "nothing follows the direction", "write cgroup:web:in"},
           Case{"iptables:", "name", "letters"},
           Case{"iptables:a.b", "name", "letters"},
           Case{"iptables:a:forwards", "'forwards' is no direction", "did you mean 'forward'?"},
           Case{"iptables:a:in:1", "is not a hook", "iptables:NAME"},
           Case{"xdp:eth0@", "names no network namespace", "ip netns"},
       }) {
    const Result<bpf::AttachPoint> point = parse_hook(one.text);
    ASSERT_FALSE(point.has_value()) << one.text;
    EXPECT_EQ(point.error().fault, Fault::kInput);
    EXPECT_NE(point.error().message.find(one.message), std::string::npos) << point.error().message;
    EXPECT_NE(point.error().hint.find(one.hint), std::string::npos) << point.error().hint;
  }
}

}  // namespace
}  // namespace perilune::hooks
