#include "bpf/manifest.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "bpf/hook.h"

namespace perilune::bpf {
namespace {

Manifest example() {
  Manifest manifest;
  manifest.name = "ssh";
  manifest.script = "/etc/perilune/ssh.lua";
  manifest.text = "function filter() return true end\n";
  manifest.time_ns = 1'700'000'000'000'000'000;
  manifest.reloads = 3;
  manifest.options.function = "judge";
  manifest.options.policy.on_error = packet::Verdict::kPass;
  manifest.maps = {{"blocked", ir::MapType::kLpm, 8, 16, 1024, "map.lpm {value = 'u64', size = 1024}"}};
  Attachment xdp;
  xdp.point.hook = find_hook("xdp");
  xdp.point.interface = "eth0";
  xdp.netns = 4'026'531'840;
  xdp.ifindex = 2;
  xdp.mode = XdpMode::kGeneric;
  xdp.why_generic = "its driver has no XDP";
  xdp.files = {"ssh.lua", "names.lua"};
  xdp.errors = {{1, 14, "attempt to index a nil value"}};
  xdp.logs = {{0, 3, "%s is blocked"}, {1, 9, ""}};
  Attachment netfilter;
  netfilter.point.hook = find_hook("netfilter");
  netfilter.point.part = "forward";
  netfilter.point.priority = -5;
  netfilter.point.netns = "blue";
  manifest.attachments = {xdp, netfilter};
  return manifest;
}

TEST(Manifest, ComesBackAsItWas) {
  const Manifest before = example();
  const Result<Manifest> after = decode(encode(before));
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->name, before.name);
  EXPECT_EQ(after->script, before.script);
  EXPECT_EQ(after->text, before.text);
  EXPECT_EQ(after->time_ns, before.time_ns);
  EXPECT_EQ(after->reloads, before.reloads);
  EXPECT_EQ(after->options, before.options);
  EXPECT_EQ(after->maps, before.maps);
  ASSERT_EQ(after->attachments.size(), 2U);
  const Attachment& xdp = after->attachments[0];
  EXPECT_EQ(xdp.point, before.attachments[0].point);
  EXPECT_EQ(xdp.netns, before.attachments[0].netns);
  EXPECT_EQ(xdp.ifindex, 2U);
  EXPECT_EQ(xdp.mode, XdpMode::kGeneric);
  EXPECT_EQ(xdp.why_generic, before.attachments[0].why_generic);
  EXPECT_EQ(xdp.files, before.attachments[0].files);
  ASSERT_EQ(xdp.errors.size(), 1U);
  EXPECT_EQ(xdp.errors[0].line, 14U);
  EXPECT_EQ(xdp.errors[0].text, before.attachments[0].errors[0].text);
  ASSERT_EQ(xdp.logs.size(), 2U);
  EXPECT_EQ(xdp.logs[1].file, 1U);
  EXPECT_EQ(after->attachments[1].point, before.attachments[1].point);
}

TEST(Manifest, PaddingBehindItIsNothing) {
  std::vector<uint8_t> bytes = encode(example());
  bytes.resize(bytes.size() + 16);
  EXPECT_TRUE(decode(bytes).has_value());
}

TEST(Manifest, CutAnywhereIsAnError) {
  const std::vector<uint8_t> bytes = encode(example());
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(decode(std::span(bytes).first(length)).has_value()) << length;
}

TEST(Manifest, ForeignBytesAreHarmless) {
  const std::vector<uint8_t> bytes = encode(example());
  size_t refused = 0;
  for (size_t place = 0; place < bytes.size(); ++place) {
    for (const uint8_t value : {uint8_t{0x00}, uint8_t{0x7f}, uint8_t{0xff}}) {
      std::vector<uint8_t> changed = bytes;
      changed[place] = value;
      refused += decode(changed).has_value() ? 0 : 1;
    }
  }
  EXPECT_GT(refused, bytes.size() / 8);
}

TEST(Manifest, AnotherVersionIsSaidToBeOne) {
  std::vector<uint8_t> bytes = encode(example());
  bytes[8] = 0xee;
  const Result<Manifest> read = decode(bytes);
  ASSERT_FALSE(read.has_value());
  EXPECT_NE(read.error().message.find("another version"), std::string::npos);
  EXPECT_FALSE(read.error().hint.empty());
}

TEST(Manifest, OfAnOlderProgramHasNoDeclarations) {
  Manifest manifest = example();
  manifest.maps.front().declared.clear();
  std::vector<uint8_t> bytes = encode(manifest);
  // Version 1 is the same without the text, which is empty here: the 8 bytes of its length behind the number of
  // entries.
  constexpr std::array<uint8_t, 8> kEntries{0x00, 0x04};  // 1024
  const auto entries = std::search(bytes.begin(), bytes.end(), kEntries.begin(), kEntries.end());
  ASSERT_NE(entries, bytes.end());
  bytes.erase(entries + 8, entries + 16);
  // Version 1 stored numbers instead of names: the hook's before the interface, the netfilter hook's after it.
  const auto number = [](uint8_t value) { return std::vector<uint8_t>{value, 0, 0, 0, 0, 0, 0, 0}; };
  const auto text = [&](std::string_view value) {
    std::vector<uint8_t> encoded = number(static_cast<uint8_t>(value.size()));
    encoded.insert(encoded.end(), value.begin(), value.end());
    return encoded;
  };
  const auto replace = [&](std::initializer_list<std::vector<uint8_t>> now,
                           std::initializer_list<std::vector<uint8_t>> before) {
    const auto joined = [](auto& parts) {
      std::vector<uint8_t> all;
      for (const auto& part : parts)
        all.insert(all.end(), part.begin(), part.end());
      return all;
    };
    const std::vector<uint8_t> new_bytes = joined(now);
    const std::vector<uint8_t> old_bytes = joined(before);
    const auto at = std::search(bytes.begin(), bytes.end(), new_bytes.begin(), new_bytes.end());
    ASSERT_NE(at, bytes.end());
    bytes.insert(bytes.erase(at, at + std::ssize(new_bytes)), old_bytes.begin(), old_bytes.end());
  };
  replace({text("xdp"), text("eth0"), text("")}, {number(0), text("eth0"), number(0)});
  replace({text("netfilter"), text(""), text("forward")}, {number(3), text(""), number(2)});
  bytes[8] = 1;
  const Result<Manifest> read = decode(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->maps, manifest.maps);
  EXPECT_EQ(read->attachments.size(), manifest.attachments.size());
  EXPECT_EQ(read->attachments[1].point, manifest.attachments[1].point);
}

TEST(AttachPoint, HasOneSpelling) {
  const Manifest manifest = example();
  EXPECT_EQ(to_string(manifest.attachments[0].point), "xdp:eth0");
  EXPECT_EQ(to_string(manifest.attachments[1].point), "netfilter:forward:-5@blue");
  AttachPoint out;
  out.hook = find_hook("tc");
  out.interface = "wg0";
  out.part = "out";
  EXPECT_EQ(to_string(out), "tc:wg0:out");
}

}  // namespace
}  // namespace perilune::bpf
