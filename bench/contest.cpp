#include "bench/contest.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "bpf/hook.h"
#include "engine/engine.h"

namespace perilune::bench {
namespace {

constexpr uint32_t kXdpPass = 2;
constexpr uint32_t kXdpTx = 3;
constexpr uint32_t kTcDrop = 2;
constexpr size_t kMostDifferences = 5;

bool has_ssh_banner(const Sample& sample) {
  const auto& at = sample.location;
  const std::basic_string<uint8_t> ssh{'S', 'S', 'H', '-'};
  return at.has_transport && sample.payload().substr(0, 255).find(ssh) != std::basic_string<uint8_t>::npos;
}

bool is_client_hello(const Sample& sample) {
  const auto payload = sample.payload();
  return sample.location.protocol == packet::protocol::kTcp && sample.location.destination_port == 443 &&
         payload.size() > 5 && payload[0] == 22 && payload[5] == 1;
}

bool is_dns_question(const Sample& sample) {
  const auto payload = sample.payload();
  return sample.location.protocol == packet::protocol::kUdp && sample.location.destination_port == 53 &&
         payload.size() > 12 && (payload[2] & 0x80) == 0;
}

bool is_syn(const Sample& sample) {
  constexpr size_t kFlags = 13;
  return sample.location.protocol == packet::protocol::kTcp && sample.location.has_transport &&
         (sample.bytes[sample.location.transport + kFlags] & 2) != 0;
}

/// Makes no noise: scripts of examples fail on no packet.
class Silent final : public engine::Observer {
 public:
  void on_log(uint64_t, uint32_t, std::string_view) override {}
  void on_error(uint64_t, const script::ScriptError&) override {}
};

}  // namespace

const std::vector<Filter>& filters() {
  static const std::vector<Filter> list = {
      {"ssh", "ssh.lua", "ssh", "an SSH banner", has_ssh_banner},
      {"tls-sni", "tls-sni.lua", "tls_sni", "a ClientHello", is_client_hello},
      {"dns-block", "dns-block.lua", "dns_block", "a DNS question", is_dns_question},
      {"rate-limit, a flood", "rate-limit.lua", "rate_limit", "", nullptr, true, 0},
      {"rate-limit, all pass", "rate-limit.lua", "rate_limit", "", nullptr, true, 1'000'000'000},
      {"mss-clamp", "mss-clamp.lua", "mss_clamp", "a SYN", is_syn},
  };
  return list;
}

Result<Agreement> compare_with_lua(const std::string& script, int program_fd, const bpf::Hook* hook,
                                   const std::vector<Sample>& samples) {
  Silent silent;
  engine::Options options;
  options.kind = engine::Kind::kLua;
  const auto program = engine::open(script, options, silent);
  if (!program) return input_error(program.error().empty() ? script : to_text(program.error().front()));
  auto worker = (*program)->packet_worker(0);
  if (!worker) return input_error(worker.error().empty() ? script : to_text(worker.error().front()));
  const bool is_xdp = hook == bpf::find_hook("xdp");
  Agreement agreement;
  for (const Sample& sample : samples) {
    packet::Packet packet;
    packet.bytes = sample.bytes;
    packet.wire_length = sample.bytes.size();
    packet.time_ns = sample.time_ns;
    const packet::Decision decision = (*worker)->judge(packet);
    const bool passes = decision.verdict == packet::Verdict::kPass || decision.verdict == packet::Verdict::kReply;
    auto run = bpf::test_run(program_fd, *hook, sample.bytes);
    if (!run) continue;  // tc refuses frames without a whole IP header
    ++agreement.packets;
    agreement.blocked += passes ? 0 : 1;
    agreement.changed += decision.modified ? 1 : 0;
    const bool passed = is_xdp ? run->code == kXdpPass || run->code == kXdpTx : run->code != kTcDrop;
    std::string difference;
    if (passes != passed) {
      difference = fmt::format("{}: {}, lua says {}", sample.origin, passed ? "pass" : "block",
                               packet::to_string(decision.verdict));
    } else if (passes) {
      const std::vector<uint8_t> wanted =
          decision.modified ? std::vector<uint8_t>(decision.bytes.begin(), decision.bytes.end()) : sample.bytes;
      if (run->bytes != wanted) difference = fmt::format("{}: other bytes than lua's", sample.origin);
    }
    if (!difference.empty() && agreement.differences.size() < kMostDifferences) {
      agreement.differences.push_back(std::move(difference));
    }
  }
  return agreement;
}

Result<std::vector<double>> measure(const std::vector<int>& programs, const bpf::Hook* hook, const Sample& sample,
                                    const Effort& effort) {
  std::vector<double> best(programs.size(), std::numeric_limits<double>::max());
  bpf::TestRunOptions options;
  options.repeat = effort.repeat;
  for (unsigned round = 0; round < effort.rounds; ++round) {
    for (size_t turn = 0; turn < programs.size(); ++turn) {
      const size_t i = (turn + round) % programs.size();
      auto run = bpf::test_run(programs[i], *hook, sample.bytes, options);
      if (!run) return tl::make_unexpected(run.error());
      best[i] = std::min<double>(best[i], run->nanoseconds);
    }
  }
  return best;
}

}  // namespace perilune::bench
