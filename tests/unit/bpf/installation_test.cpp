#include "bpf/installation.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/hook.h"
#include "bpf/inspection.h"
#include "filter_code.h"
#include "kernel_sandbox.h"

namespace perilune::bpf {
namespace {

AttachPoint xdp(const std::string& interface) {
  AttachPoint point;
  point.hook = find_hook("xdp");
  point.interface = interface;
  return point;
}
AttachPoint tc(const std::string& interface, bool out) {
  AttachPoint point;
  point.hook = find_hook("tc");
  point.interface = interface;
  point.part = out ? "out" : "in";
  return point;
}
AttachPoint netfilter(const std::string& part, std::optional<int32_t> priority = {}) {
  AttachPoint point;
  point.hook = find_hook("netfilter");
  point.part = part;
  point.priority = priority;
  return point;
}

class InstallationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!sandbox_.obstacle().empty()) GTEST_SKIP() << sandbox_.obstacle();
  }

  static Installation filter(const std::string& name, const ir::Image& image, size_t points) {
    Installation installation;
    installation.name = name;
    installation.script = "/somewhere/hand.lua";
    installation.text = "-- by hand\n";
    installation.images.assign(points, image);
    return installation;
  }
  Result<Installed> put(const std::string& name, const std::vector<AttachPoint>& points, int32_t verdict = PL_PASS) {
    std::string log;
    Result<Installed> installed =
        install(filter(name, constant_filter(verdict), points.size()), points, probe_features().value(), &log);
    if (!installed) message_ = installed.error().message + " | " + installed.error().hint + " | " + log;
    return installed;
  }
  /// UDP packets that arrive at there0: sent through here0.
  static void send(int count) {
    std::vector<uint8_t> frame{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0,  0,  0,    2,    8,  0,  //
                               0x45, 0,    0,    46,   0,    1,    0, 0, 64, 17, 0x66, 0xbc, 10, 0,
                               0,    1,    10,   0,    0,    2,  //
                               0x15, 0xb3, 0,    53,   0,    26,   0, 0};
    frame.resize(60, 'x');
    const FileDescriptor sender(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(if_nametoindex("here0"));
    for (int i = 0; i < count; ++i) {
      const auto* to = reinterpret_cast<const sockaddr*>(&address);
      EXPECT_EQ(sendto(sender.get(), frame.data(), frame.size(), 0, to, sizeof address), ssize_t{60});
    }
    constexpr unsigned kMicroseconds = 20'000;  // the other end's softirq
    usleep(kMicroseconds);
  }
  static uint64_t packets(const std::string& name) {
    const Result<FilterState> state = inspect(name, Depth::kCounters);
    return state ? state->counters()[PL_COUNT_PACKETS] : 0;
  }
  [[nodiscard]] bool nothing_left() const { return !std::filesystem::exists(sandbox_.bpffs() + "/perilune"); }

  KernelSandbox sandbox_;
  std::string message_;
};

TEST_F(InstallationTest, StaysAtEveryHookAndGoesWithoutATrace) {
  const Result<Installed> installed =
      put("all", {xdp("there0"), tc("here0", false), tc("here0", true), netfilter("input")});
  ASSERT_TRUE(installed) << message_;
  const Result<FilterState> state = inspect("all", Depth::kAll);
  ASSERT_TRUE(state) << state.error().message;
  ASSERT_EQ(state->attachments.size(), 4U);
  for (const AttachmentState& attachment : state->attachments) {
    EXPECT_TRUE(attachment.attached) << attachment.place << ": " << attachment.remark;
    EXPECT_GT(attachment.record.insns, 0U);
  }
  EXPECT_EQ(state->attachments[0].place, "xdp:there0");
  EXPECT_EQ(state->attachments[0].mode, XdpMode::kNative);
  EXPECT_EQ(state->attachments[3].place, "netfilter:input:0");
  EXPECT_EQ(state->manifest.text, "-- by hand\n");
  send(3);
  EXPECT_GE(packets("all"), 3U);
  ASSERT_TRUE(uninstall("all"));
  EXPECT_TRUE(nothing_left());
  EXPECT_FALSE(KernelSandbox::shell("ip link show dev there0 | grep -q xdp"));
}

TEST_F(InstallationTest, SeveralFiltersShareXdp) {
  ASSERT_TRUE(put("one", {xdp("there0")})) << message_;
  ASSERT_TRUE(put("two", {xdp("there0")})) << message_;
  ASSERT_TRUE(put("three", {xdp("there0")}, PL_BLOCK)) << message_;
  send(5);
  EXPECT_GE(packets("one"), 5U);
  EXPECT_GE(packets("two"), 5U);
  EXPECT_GE(packets("three"), 5U);
  // One that leaves from the middle is jumped over.
  ASSERT_TRUE(uninstall("two"));
  const uint64_t before = packets("three");
  send(5);
  EXPECT_GE(packets("three"), before + 5);
  // What blocks hides packets from those behind.
  ASSERT_TRUE(put("four", {xdp("there0")})) << message_;
  send(5);
  EXPECT_EQ(packets("four"), 0U);
  ASSERT_TRUE(uninstall("three"));
  send(5);
  EXPECT_GE(packets("four"), 5U);
  ASSERT_TRUE(uninstall("one"));
  ASSERT_TRUE(uninstall("four"));
  EXPECT_TRUE(nothing_left());
}

TEST_F(InstallationTest, AllHooksOrNone) {
  const Result<Installed> refused = put("half", {xdp("there0"), tc("nowhere0", false)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::kInput);
  EXPECT_NE(refused.error().message.find("nowhere0"), std::string::npos);
  EXPECT_TRUE(nothing_left());
  // Attached already when the second one fails: the priority is taken.
  ASSERT_TRUE(put("first", {netfilter("input", 5)})) << message_;
  const Result<Installed> taken = put("second", {xdp("there0"), netfilter("input", 5)});
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().message.find("priority 5"), std::string::npos) << taken.error().message;
  EXPECT_FALSE(KernelSandbox::shell("ip link show dev there0 | grep -q xdp"));
  ASSERT_TRUE(uninstall("first"));
  EXPECT_TRUE(nothing_left());
}

TEST_F(InstallationTest, NetfilterTakesTheNextFreePriority) {
  ASSERT_TRUE(put("one", {netfilter("forward")})) << message_;
  const Result<Installed> two = put("two", {netfilter("forward")});
  ASSERT_TRUE(two) << message_;
  EXPECT_EQ(two->manifest.attachments[0].point.priority, 1);
  const Result<Removal> removal = uninstall_all();
  ASSERT_TRUE(removal);
  EXPECT_EQ(removal->names.size(), 2U);
  EXPECT_TRUE(nothing_left());
}

TEST_F(InstallationTest, ANameIsTakenOnce) {
  ASSERT_TRUE(put("same", {tc("here0", false)})) << message_;
  const Result<Installed> again = put("same", {tc("here0", true)});
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("already"), std::string::npos);
  EXPECT_NE(again.error().hint.find("reload"), std::string::npos);
  for (const char* name : {"", "a.b", "a b", "-a", "a/b", "@new"})
    EXPECT_FALSE(put(name, {tc("here0", true)})) << name;
  EXPECT_FALSE(put("twice", {tc("here0", true), tc("here0", true)}));
  const Result<void> unknown = uninstall("sane");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().hint.find("did you mean 'same'"), std::string::npos);
}

TEST_F(InstallationTest, ReplacingKeepsCountersAndTurnsVerdictsAtOnce) {
  const std::vector<AttachPoint> points{xdp("there0"), tc("there0", false), netfilter("prerouting")};
  ASSERT_TRUE(put("turn", points)) << message_;
  send(5);
  const Result<FilterState> before = inspect("turn", Depth::kCounters);
  ASSERT_TRUE(before);
  std::string log;
  const Result<Installed> replaced = replace(filter("turn", constant_filter(PL_BLOCK), points.size()), &log);
  ASSERT_TRUE(replaced) << replaced.error().message << log;
  EXPECT_EQ(replaced->manifest.reloads, 1U);
  EXPECT_EQ(replaced->manifest.first_time_ns, before->manifest.first_time_ns);
  send(5);
  const Result<FilterState> after = inspect("turn", Depth::kCounters);
  ASSERT_TRUE(after);
  ASSERT_EQ(after->attachments.size(), 3U);
  EXPECT_TRUE(after->attachments[0].attached) << after->attachments[0].remark;
  EXPECT_TRUE(after->attachments[1].attached) << after->attachments[1].remark;
  EXPECT_GE(after->attachments[0].counters[PL_COUNT_PASS], before->attachments[0].counters[PL_COUNT_PASS]);
  EXPECT_GE(after->attachments[0].counters[PL_COUNT_BLOCK], 5U);
  // What XDP blocks is seen nowhere else.
  EXPECT_EQ(after->attachments[1].counters[PL_COUNT_BLOCK], 0U);
  EXPECT_GE(after->attachments[1].counters[PL_COUNT_PASS], before->attachments[1].counters[PL_COUNT_PASS]);
  ASSERT_TRUE(uninstall("turn"));
  EXPECT_TRUE(nothing_left());
}

TEST_F(InstallationTest, AFailedReplacementLeavesTheOldFilter) {
  ASSERT_TRUE(put("steady", {xdp("there0")}, PL_BLOCK)) << message_;
  ir::Image broken = constant_filter(PL_PASS);
  broken.code.insns.pop_back();  // runs off its end: the verifier refuses it
  std::string log;
  const Result<Installed> refused = replace(filter("steady", broken, 1), &log);
  ASSERT_FALSE(refused);
  ir::Image writing = constant_filter(PL_PASS);
  const Result<FilterState> state = inspect("steady", Depth::kCounters);
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->attachments[0].attached);
  EXPECT_FALSE(state->unfinished);
  EXPECT_EQ(state->manifest.reloads, 0U);
  const uint64_t blocked = state->counters()[PL_COUNT_BLOCK];
  send(3);
  EXPECT_GE(inspect("steady", Depth::kCounters)->counters()[PL_COUNT_BLOCK], blocked + 3);
  ASSERT_TRUE(uninstall("steady"));
  EXPECT_TRUE(nothing_left());
}

TEST_F(InstallationTest, MapsDeclaredAlikeKeepWhatIsInThem) {
  const auto with_map = [](uint32_t entries, std::vector<uint8_t> first_key) {
    ir::Image image = constant_filter(PL_PASS);
    ir::MapSpec map;
    map.name = "seen";
    map.key_size = 4;
    map.value_size = 8;
    map.entries = entries;
    map.initial = {{std::move(first_key), std::vector<uint8_t>(8, 1)}};
    image.maps.push_back(map);
    return image;
  };
  ASSERT_TRUE(install(filter("kept", with_map(16, {1, 0, 0, 0}), 1), {tc("here0", false)}, probe_features().value()));
  const auto entries = [] { return inspect("kept", Depth::kAll)->maps.at(0).entries; };
  EXPECT_EQ(entries(), 1U);
  ASSERT_TRUE(replace(filter("kept", with_map(16, {2, 0, 0, 0}), 1)));
  EXPECT_EQ(entries(), 2U);
  ASSERT_TRUE(replace(filter("kept", with_map(32, {3, 0, 0, 0}), 1)));
  EXPECT_EQ(entries(), 1U);
  ASSERT_TRUE(uninstall("kept"));
  EXPECT_TRUE(nothing_left());
}

TEST_F(InstallationTest, HooksShareMapsWhateverTheirNames) {
  ir::Image image = constant_filter(PL_PASS);
  for (const char* name : {"connections-by-source", "connections-by-destination"}) {
    ir::MapSpec map;
    map.name = name;
    map.key_size = 4;
    map.value_size = 8;
    map.entries = 16;
    map.initial = {{{uint8_t(image.maps.size()), 0, 0, 0}, std::vector<uint8_t>(8, 1)}};
    image.maps.push_back(map);
  }
  ASSERT_TRUE(install(filter("shared", image, 2), {tc("here0", false), tc("here0", true)}, probe_features().value()));
  ASSERT_TRUE(replace(filter("shared", image, 2)));
  const Result<FilterState> state = inspect("shared", Depth::kAll);
  ASSERT_TRUE(state);
  ASSERT_EQ(state->maps.size(), 2U);
  // Neither got the other's entry.
  EXPECT_EQ(state->maps[0].entries, 1U);
  EXPECT_EQ(state->maps[1].entries, 1U);
  ASSERT_TRUE(uninstall("shared"));
}

TEST_F(InstallationTest, InterfacesThatGoAwayAreTold) {
  ASSERT_TRUE(put("lost", {xdp("there0"), tc("there0", false)})) << message_;
  ASSERT_TRUE(KernelSandbox::shell("ip link del there0"));
  const Result<FilterState> state = inspect("lost", Depth::kCounters);
  ASSERT_TRUE(state);
  for (const AttachmentState& attachment : state->attachments) {
    EXPECT_FALSE(attachment.attached);
    EXPECT_NE(attachment.remark.find("gone"), std::string::npos) << attachment.remark;
  }
  const Result<Installed> reloaded = replace(filter("lost", constant_filter(PL_PASS), 2));
  ASSERT_FALSE(reloaded);
  EXPECT_NE(reloaded.error().hint.find("unload"), std::string::npos);
  ASSERT_TRUE(uninstall("lost"));
  EXPECT_TRUE(nothing_left());
}

/// A second namespace, gone at the end.
class OtherNamespace {
 public:
  OtherNamespace() : name_("install-test-" + std::to_string(getpid())) {
    there_ = KernelSandbox::shell("ip netns add " + name_);
  }
  OtherNamespace(const OtherNamespace&) = delete;
  OtherNamespace& operator=(const OtherNamespace&) = delete;
  ~OtherNamespace() { (void)KernelSandbox::shell("ip netns del " + name_); }
  [[nodiscard]] bool there() const { return there_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  bool there_ = false;
};

TEST_F(InstallationTest, AnIndexIsNoInterface) {
  const OtherNamespace other;
  if (!other.there()) GTEST_SKIP() << "no namespace can be named here";
  ASSERT_TRUE(put("moved", {xdp("there0"), tc("there0", false)})) << message_;
  const std::string index = std::to_string(if_nametoindex("there0"));
  ASSERT_TRUE(KernelSandbox::shell("ip link set there0 netns " + other.name()));
  // The filter went along, and is told where it is.
  const Result<FilterState> moved = inspect("moved", Depth::kCounters);
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_TRUE(moved->attachments[0].attached) << moved->attachments[0].remark;
  EXPECT_EQ(moved->attachments[0].place, "xdp:there0@" + other.name());
  EXPECT_TRUE(moved->attachments[1].attached) << moved->attachments[1].remark;
  EXPECT_EQ(moved->attachments[1].place, "tc:there0:in@" + other.name());
  // Another interface has its index now: nothing of ours is there until it is loaded there.
  ASSERT_TRUE(KernelSandbox::shell("ip link add again0 index " + index + " type veth peer name peer0"));
  ASSERT_TRUE(put("new", {xdp("again0"), tc("again0", false)})) << message_;
  EXPECT_TRUE(KernelSandbox::shell("ip link show dev again0 | grep -q xdp"));
  for (const auto& [name, where] : {std::pair("new", "again0"), std::pair("moved", "there0")}) {
    const Result<FilterState> state = inspect(name, Depth::kCounters);
    ASSERT_TRUE(state);
    for (const AttachmentState& attachment : state->attachments) {
      EXPECT_TRUE(attachment.attached) << name << ": " << attachment.remark;
      EXPECT_NE(attachment.place.find(where), std::string::npos) << attachment.place;
    }
  }
  ASSERT_TRUE(replace(filter("moved", constant_filter(PL_BLOCK), 2)));
  EXPECT_EQ(inspect("moved", Depth::kCounters)->manifest.attachments[0].point.interface, "there0");
  // Each goes without the other.
  ASSERT_TRUE(uninstall("moved"));
  EXPECT_TRUE(KernelSandbox::shell("ip link show dev again0 | grep -q xdp"));
  EXPECT_FALSE(KernelSandbox::shell("ip -n " + other.name() + " link show dev there0 | grep -q xdp"));
  EXPECT_TRUE(inspect("new", Depth::kCounters)->attachments[0].attached);
  ASSERT_TRUE(uninstall("new"));
  EXPECT_TRUE(nothing_left());
}

TEST_F(InstallationTest, ARenamedInterfaceIsTheSame) {
  ASSERT_TRUE(put("named", {xdp("there0"), tc("there0", true)})) << message_;
  ASSERT_TRUE(KernelSandbox::shell("ip link set there0 down && ip link set there0 name wan0 && ip link set wan0 up"));
  const Result<FilterState> state = inspect("named", Depth::kCounters);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->attachments[0].place, "xdp:wan0");
  EXPECT_EQ(state->attachments[1].place, "tc:wan0:out");
  const Result<Installed> replaced = replace(filter("named", constant_filter(PL_PASS), 2));
  ASSERT_TRUE(replaced) << replaced.error().message;
  EXPECT_EQ(replaced->manifest.attachments[1].point.interface, "wan0");
  // One that comes under the old name is another one.
  ASSERT_TRUE(KernelSandbox::shell("ip link add there0 type veth peer name peer0"));
  ASSERT_TRUE(put("other", {xdp("there0")})) << message_;
  EXPECT_TRUE(KernelSandbox::shell("ip link show dev there0 | grep -q xdp"));
  ASSERT_TRUE(uninstall("named"));
  EXPECT_TRUE(KernelSandbox::shell("ip link show dev there0 | grep -q xdp"));
  ASSERT_TRUE(uninstall("other"));
  EXPECT_TRUE(nothing_left());
}

TEST_F(InstallationTest, AnInterruptedLoadIsUndoneByTheNextOfItsName) {
  ASSERT_TRUE(put("cut", {xdp("there0")}, PL_BLOCK)) << message_;
  const std::string folder = sandbox_.bpffs() + "/perilune/cut";
  std::filesystem::rename(folder, folder + "@new");  // as it is just before a load has finished
  ASSERT_TRUE(put("cut", {xdp("there0")})) << message_;
  ASSERT_TRUE(put("behind", {xdp("there0")})) << message_;
  send(3);
  EXPECT_GE(packets("behind"), 3U) << "what the interrupted load left blocks";
  ASSERT_TRUE(uninstall("cut"));
  ASSERT_TRUE(uninstall("behind"));
  EXPECT_TRUE(nothing_left());
}

TEST_F(InstallationTest, AFolderOfSomebodyElseIsRefused) {
  const std::string folder = sandbox_.bpffs() + "/perilune";
  ASSERT_TRUE(std::filesystem::create_directory(folder));
  ASSERT_EQ(chown(folder.c_str(), 65534, 65534), 0);
  const Result<Installed> refused = put("mine", {tc("here0", false)});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("belongs to user 65534"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(inspect_all(Depth::kCounters));
  ASSERT_EQ(chown(folder.c_str(), 0, 0), 0);
  ASSERT_EQ(chmod(folder.c_str(), 0770), 0);
  const Result<Installed> open_to_others = put("mine", {tc("here0", false)});
  ASSERT_FALSE(open_to_others);
  EXPECT_NE(open_to_others.error().message.find("open to other users"), std::string::npos);
  ASSERT_TRUE(std::filesystem::remove(folder));
  ASSERT_TRUE(put("mine", {tc("here0", false)})) << message_;
  ASSERT_TRUE(uninstall("mine"));
}

TEST_F(InstallationTest, WhatAHookCannotDoIsRefused) {
  ir::Image writing = constant_filter(PL_PASS);
  writing.writes = true;
  EXPECT_FALSE(install(filter("w", writing, 1), {netfilter("input")}, probe_features().value()));
  ir::Image marking = constant_filter(PL_PASS);
  marking.sets_mark = true;
  EXPECT_FALSE(install(filter("m", marking, 1), {xdp("there0")}, probe_features().value()));
  EXPECT_FALSE(install(filter("m", marking, 1), {netfilter("input")}, probe_features().value()));
  Features forged = probe_features().value();
  std::erase(forged.hooks, find_hook("tc"));
  const Result<Installed> missing = install(filter("m", constant_filter(PL_PASS), 1), {tc("here0", false)}, forged);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().fault, Fault::kSystem);
  EXPECT_TRUE(nothing_left());
}

TEST_F(InstallationTest, LeftoversOfAKilledLoadAreShownAndTakenAway) {
  ASSERT_TRUE(put("cut", {xdp("there0"), tc("here0", true)})) << message_;
  const std::string folder = sandbox_.bpffs() + "/perilune/cut";
  std::filesystem::rename(folder, folder + "@new");  // as it is just before a load has finished
  const Result<std::vector<FilterState>> all = inspect_all(Depth::kCounters);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1U);
  EXPECT_TRUE(all->front().unfinished);
  EXPECT_FALSE(all->front().problem.empty());
  ASSERT_TRUE(uninstall("cut"));
  EXPECT_TRUE(nothing_left());
  EXPECT_FALSE(KernelSandbox::shell("ip link show dev there0 | grep -q xdp"));
}

}  // namespace
}  // namespace perilune::bpf
