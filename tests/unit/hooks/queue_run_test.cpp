// Real packets over the loopback interface of a network namespace, judged by a function.
#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/syscall.h>

#include "base/command.h"
#include "base/file_descriptor.h"
#include "hooks/divert.h"
#include "hooks/queue.h"
#include "hooks/queue/kernel_state.h"
#include "packet/checksum.h"
#include "queue_namespace.h"

namespace perilune::hooks {
namespace {

using namespace std::chrono_literals;
using packet::Decision;
using packet::Packet;
using packet::Verdict;

constexpr uint16_t kPort = 4000;

/// Judges by a function; `changed` is where it may put other bytes.
using Judge = std::function<Decision(const Packet&, const packet::Location&, std::vector<uint8_t>& changed)>;

class FunctionWorker final : public engine::PacketWorker {
 public:
  explicit FunctionWorker(Judge judge) : judge_(std::move(judge)) {}
  Decision judge(const Packet& packet) override {
    location_ = packet::locate(packet.bytes, packet.wire_length, packet.link);
    ++packets_;
    Decision decision = judge_(packet, location_, changed_);
    decision.location = &location_;
    return decision;
  }
  [[nodiscard]] engine::Statistics statistics() const override {
    engine::Statistics statistics;
    statistics.packets = packets_;
    return statistics;
  }

 private:
  Judge judge_;
  packet::Location location_;
  std::vector<uint8_t> changed_;
  std::atomic<uint64_t> packets_ = 0;
};

class Recorder final : public QueueObserver {
 public:
  void on_packet(uint16_t, const Packet&, const Decision&) override { ++packets; }
  void on_warning(const std::string& text) override {
    const std::lock_guard lock(mutex_);
    warnings_ += text + "\n";
  }
  std::string warnings() {
    const std::lock_guard lock(mutex_);
    return warnings_;
  }
  std::atomic<uint64_t> packets = 0;

 private:
  std::mutex mutex_;
  std::string warnings_;
};

std::vector<std::unique_ptr<engine::PacketWorker>> workers(const Judge& judge, size_t count = 1) {
  std::vector<std::unique_ptr<engine::PacketWorker>> list;
  for (size_t i = 0; i < count; ++i)
    list.push_back(std::make_unique<FunctionWorker>(judge));
  return list;
}

Decision decision(Verdict verdict) {
  Decision decision;
  decision.verdict = verdict;
  decision.cause = packet::Cause::kScript;
  return decision;
}

std::string payload_of(const Packet& packet, const packet::Location& location) {
  return {reinterpret_cast<const char*>(packet.bytes.data()) + location.payload, location.end - location.payload};
}

Decision pass_all(const Packet&, const packet::Location&, std::vector<uint8_t>&) {
  return decision(Verdict::kPass);
}

/// Two UDP sockets on loopback, one bound to kPort.
class Peers {
 public:
  explicit Peers(int family = AF_INET)
      : family_(family), receiver_(socket(family, SOCK_DGRAM, 0)), sender_(socket(family, SOCK_DGRAM, 0)) {
    with_address(kPort, [&](const sockaddr* address, socklen_t length) {
      EXPECT_EQ(bind(receiver_.get(), address, length), 0);
      EXPECT_EQ(connect(sender_.get(), address, length), 0);
    });
  }
  bool send(const std::string& text) { return ::send(sender_.get(), text.data(), text.size(), 0) >= 0; }
  std::optional<std::string> receive(std::chrono::milliseconds wait = 2000ms) { return receive_on(receiver_, wait); }
  std::optional<std::string> receive_back(std::chrono::milliseconds wait = 2000ms) { return receive_on(sender_, wait); }
  [[nodiscard]] int sender() const { return sender_.get(); }

 private:
  static std::optional<std::string> receive_on(const FileDescriptor& socket, std::chrono::milliseconds wait) {
    pollfd waited{socket.get(), POLLIN, 0};
    if (poll(&waited, 1, static_cast<int>(wait.count())) <= 0) return std::nullopt;
    std::array<char, 70000> buffer{};
    const ssize_t length = recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (length < 0) return std::nullopt;
    return std::string(buffer.data(), static_cast<size_t>(length));
  }
  template <typename Use>
  void with_address(uint16_t port, const Use& use) const {
    if (family_ == AF_INET) {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      use(reinterpret_cast<const sockaddr*>(&address), sizeof address);
    } else {
      sockaddr_in6 address{};
      address.sin6_family = AF_INET6;
      address.sin6_port = htons(port);
      address.sin6_addr = in6addr_loopback;
      use(reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
  }

  int family_;
  FileDescriptor receiver_;
  FileDescriptor sender_;
};

std::unique_ptr<Divert> divert(const std::string& text, bool fail_open = false, uint16_t first = 1, uint16_t last = 1) {
  auto installed = install_divert(parse_divert(text).value(), {{first, last}, {}}, fail_open);
  EXPECT_TRUE(installed) << installed.error().message;
  return installed ? std::move(*installed) : nullptr;
}

QueueOptions queue_options(uint16_t first = 1, uint16_t last = 1) {
  QueueOptions options;
  options.first = first;
  options.last = last;
  return options;
}

class QueueRunTest : public testing::Test {
 protected:
  void SetUp() override {
    if (find_program("iptables-nft").empty() || find_program("ip6tables-nft").empty()) {
      GTEST_SKIP() << "iptables-nft is not installed";
    }
  }
};

/// A run on queue 1 with 'in udp dport 4000' diverted to it.
class Live {
 public:
  explicit Live(const Judge& judge, const QueueOptions& options = queue_options()) {
    auto opened = QueueRun::open(options, workers(judge, options.last - options.first + size_t{1}), recorder);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    if (!opened) throw std::runtime_error("no queue");
    run = std::move(*opened);
    rule = divert("in udp dport 4000", options.fail_open, options.first, options.last);
  }
  ~Live() {
    if (rule) {
      EXPECT_TRUE(rule->remove());
    }
  }
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;

  Recorder recorder;
  std::unique_ptr<QueueRun> run;
  std::unique_ptr<Divert> rule;
};

TEST_F(QueueRunTest, PassesAndBlocks) {
  PERILUNE_IN_NAMESPACE([] {
    for (const int family : {AF_INET, AF_INET6}) {
      Live live([](const Packet& packet, const packet::Location& location, std::vector<uint8_t>&) {
        EXPECT_EQ(packet.direction, packet::Direction::kIn);
        EXPECT_EQ(packet.interface, "lo");
        EXPECT_EQ(packet.link, packet::LinkType::kRaw);
        EXPECT_FALSE(packet.has_frame);
        EXPECT_GT(packet.time_ns, 1'600'000'000'000'000'000U);
        EXPECT_EQ(packet.wire_length, packet.bytes.size());
        EXPECT_EQ(location.malformed, packet::Malformed::kNone);
        return decision(payload_of(packet, location).starts_with("bad") ? Verdict::kBlock : Verdict::kPass);
      });
      ASSERT_TRUE(live.run->start());
      Peers peers(family);
      for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(peers.send((i % 3 == 0 ? "bad " : "good ") + std::to_string(i)));
      }
      for (int i = 0; i < 200; ++i) {
        if (i % 3 == 0) continue;
        EXPECT_EQ(peers.receive(), "good " + std::to_string(i));
      }
      EXPECT_FALSE(peers.receive(50ms));
      EXPECT_TRUE(live.run->wait_for(0ms));
      ASSERT_TRUE(live.rule->remove());
      ASSERT_TRUE(live.run->stop());
      EXPECT_EQ(live.run->statistics().packets, 200U);
      EXPECT_EQ(live.recorder.packets, 200U);
      const QueueCounters counters = live.run->counters();
      EXPECT_EQ(counters.overruns + counters.dropped_kernel + counters.dropped_user + counters.verdict_failures, 0U);
      EXPECT_EQ(live.recorder.warnings(), "");
    }
  });
}

TEST_F(QueueRunTest, NumbersCountUpAcrossQueues) {
  PERILUNE_IN_NAMESPACE([] {
    std::atomic<uint64_t> sum = 0;
    Live live(
        [&](const Packet& packet, const packet::Location&, std::vector<uint8_t>&) {
          sum += packet.number;
          return decision(Verdict::kPass);
        },
        queue_options(1, 4));
    ASSERT_TRUE(live.run->start());
    Peers peers;
    for (int i = 0; i < 100; ++i)
      ASSERT_TRUE(peers.send("x"));
    for (int i = 0; i < 100; ++i)
      ASSERT_TRUE(peers.receive());
    EXPECT_EQ(sum, 5050U);
  });
}

TEST_F(QueueRunTest, ChangedPackets) {
  PERILUNE_IN_NAMESPACE([] {
    for (const std::string& other :
         {std::string("same!"), std::string("a much longer payload than before"), std::string("")}) {
      Live live([&](const Packet& packet, const packet::Location& location, std::vector<uint8_t>& changed) {
        changed.assign(packet.bytes.begin(), packet.bytes.begin() + location.payload);
        changed.insert(changed.end(), other.begin(), other.end());
        changed[2] = static_cast<uint8_t>(changed.size() >> 8);
        changed[3] = static_cast<uint8_t>(changed.size());
        const size_t udp = 8 + other.size();
        changed[location.transport + 4] = static_cast<uint8_t>(udp >> 8);
        changed[location.transport + 5] = static_cast<uint8_t>(udp);
        changed[10] = changed[11] = changed[location.transport + 6] = changed[location.transport + 7] = 0;
        const auto located = packet::locate(changed, changed.size(), packet.link);
        const uint16_t sum = packet::ipv4_checksum(changed, located);
        changed[10] = static_cast<uint8_t>(sum >> 8);
        changed[11] = static_cast<uint8_t>(sum);
        Decision changed_decision = decision(Verdict::kPass);
        changed_decision.modified = true;
        changed_decision.bytes = changed;
        return changed_decision;
      });
      ASSERT_TRUE(live.run->start());
      Peers peers;
      ASSERT_TRUE(peers.send("hello"));
      EXPECT_EQ(peers.receive(), other);
    }
  });
}

TEST_F(QueueRunTest, MarksAreSet) {
  PERILUNE_IN_NAMESPACE([] {
    const auto filter = [](const char* chain, const char* mark) {
      const auto done = run_command(
          {"iptables-nft", "-A", chain, "-p", "udp", "--dport", "4000", "-m", "mark", "--mark", mark, "-j", "DROP"});
      ASSERT_TRUE(done && done->status == 0);
    };
    filter("INPUT", "0x2a");
    Live live([](const Packet& packet, const packet::Location& location, std::vector<uint8_t>&) {
      Decision marked = decision(Verdict::kPass);
      marked.mark_set = payload_of(packet, location) == "mark";
      marked.mark = 42;
      EXPECT_EQ(packet.mark, 0U);
      return marked;
    });
    ASSERT_TRUE(live.run->start());
    Peers peers;
    ASSERT_TRUE(peers.send("mark"));  // and the rule that sees the mark drops it
    ASSERT_TRUE(peers.send("plain"));
    EXPECT_EQ(peers.receive(), "plain");
  });
}

TEST_F(QueueRunTest, RejectTellsTheSender) {
  PERILUNE_IN_NAMESPACE([] {
    for (const int family : {AF_INET, AF_INET6}) {
      Live live(
          [](const Packet&, const packet::Location&, std::vector<uint8_t>&) { return decision(Verdict::kReject); });
      ASSERT_TRUE(live.run->start());
      Peers peers(family);
      ASSERT_TRUE(peers.send("hello"));
      pollfd waited{peers.sender(), POLLIN, 0};
      ASSERT_EQ(poll(&waited, 1, 2000), 1);
      char byte = 0;
      EXPECT_LT(recv(peers.sender(), &byte, 1, 0), 0);
      EXPECT_EQ(errno, ECONNREFUSED) << "family " << family;
      EXPECT_FALSE(peers.receive(50ms));
      EXPECT_EQ(live.run->counters().reply_failures, 0U);
    }
  });
}

TEST_F(QueueRunTest, ReplyGoesBackOnlyTurnedRound) {
  PERILUNE_IN_NAMESPACE([] {
    Live live([](const Packet& packet, const packet::Location& location, std::vector<uint8_t>& changed) {
      Decision reply = decision(Verdict::kReply);
      if (payload_of(packet, location) == "as it is") return reply;
      // Both addresses are 127.0.0.1: exchanging the ports is enough, and keeps the checksum.
      changed.assign(packet.bytes.begin(), packet.bytes.end());
      if (payload_of(packet, location) == "elsewhere") changed[19] = 9;
      std::swap_ranges(changed.begin() + location.transport, changed.begin() + location.transport + 2,
                       changed.begin() + location.transport + 2);
      changed[location.transport + 6] = changed[location.transport + 7] = 0;
      reply.modified = true;
      reply.bytes = changed;
      return reply;
    });
    ASSERT_TRUE(live.run->start());
    Peers peers;
    ASSERT_TRUE(peers.send("ping"));
    EXPECT_EQ(peers.receive_back(), "ping");
    ASSERT_TRUE(peers.send("elsewhere"));
    EXPECT_FALSE(peers.receive_back(100ms));
    EXPECT_FALSE(peers.receive(10ms));
    EXPECT_EQ(live.run->counters().reply_failures, 1U);
    EXPECT_NE(live.recorder.warnings().find("addressed to the packet's sender"), std::string::npos);
  });
}

TEST_F(QueueRunTest, AnswersAreNotDivertedAgain) {
  PERILUNE_IN_NAMESPACE([] {
    Recorder recorder;
    auto run = QueueRun::open(queue_options(), workers([](const Packet& packet, const packet::Location&, auto&) {
                                EXPECT_NE(packet.mark, kReplyMark);
                                return decision(Verdict::kReject);
                              }),
                              recorder);
    ASSERT_TRUE(run);
    const auto rule = divert("out inet");
    ASSERT_TRUE((*run)->start());
    Peers peers;
    ASSERT_TRUE(peers.send("hello"));
    pollfd waited{peers.sender(), POLLIN, 0};
    ASSERT_EQ(poll(&waited, 1, 2000), 1);
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ((*run)->statistics().packets, 1U);
  });
}

TEST_F(QueueRunTest, StopJudgesWhatIsQueued) {
  PERILUNE_IN_NAMESPACE([] {
    Live live(pass_all);
    Peers peers;
    for (int i = 0; i < 150; ++i)
      ASSERT_TRUE(peers.send(std::to_string(i)));
    EXPECT_FALSE(peers.receive(50ms));  // nobody judges yet: they wait in the kernel
    ASSERT_TRUE(live.rule->remove());
    ASSERT_TRUE(live.run->start());
    ASSERT_TRUE(live.run->stop());
    EXPECT_EQ(live.run->statistics().packets, 150U);
    for (int i = 0; i < 150; ++i)
      EXPECT_EQ(peers.receive(100ms), std::to_string(i));
  });
}

TEST_F(QueueRunTest, StopIsBounded) {
  PERILUNE_IN_NAMESPACE([] {
    QueueOptions options = queue_options();
    options.drain_time = 100ms;
    Live live(
        [](const Packet&, const packet::Location&, std::vector<uint8_t>&) {
          std::this_thread::sleep_for(2ms);
          return decision(Verdict::kPass);
        },
        options);
    ASSERT_TRUE(live.run->start());
    std::atomic<bool> done = false;
    Peers peers;
    std::thread flood([&] {
      while (!done) {
        peers.send("x");
        std::this_thread::sleep_for(100us);
      }
    });
    std::this_thread::sleep_for(100ms);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(live.run->stop());  // the rule is still there and feeds the queue
    EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);
    done = true;
    flood.join();
  });
}

TEST_F(QueueRunTest, ClosedWithoutAListenerUnlessFailOpen) {
  PERILUNE_IN_NAMESPACE([] {
    for (const bool fail_open : {false, true}) {
      QueueOptions options = queue_options();
      options.fail_open = fail_open;
      Live live(pass_all, options);
      ASSERT_TRUE(live.run->start());
      Peers peers;
      ASSERT_TRUE(peers.send("judged"));
      EXPECT_EQ(peers.receive(), "judged");
      ASSERT_TRUE(live.run->stop());
      peers.send("alone");
      EXPECT_EQ(peers.receive(100ms).has_value(), fail_open);
    }
  });
}

TEST_F(QueueRunTest, PacketsWhoseJudgingFailsAreDroppedAndTheQueueGoesOn) {
  PERILUNE_IN_NAMESPACE([] {
    Live live([](const Packet& packet, const packet::Location& location, std::vector<uint8_t>& reply) -> Decision {
      if (packet.bytes.size() > location.payload + 3) throw std::bad_alloc();
      return pass_all(packet, location, reply);
    });
    ASSERT_TRUE(live.run->start());
    Peers peers;
    peers.send("three and more");
    EXPECT_FALSE(peers.receive(200ms));
    peers.send("one");
    EXPECT_EQ(peers.receive(), "one");
    EXPECT_TRUE(live.run->stop());
    EXPECT_EQ(live.run->counters().unjudged, 1U);
  });
}

TEST_F(QueueRunTest, FullSocketBufferIsSurvivedAndCounted) {
  PERILUNE_IN_NAMESPACE([] {
    QueueOptions options = queue_options();
    options.receive_buffer = 4096;
    Live live(pass_all, options);
    Peers peers;
    for (int i = 0; i < 500; ++i)
      peers.send(std::string(1000, 'x'));
    ASSERT_TRUE(live.run->start());
    while (peers.receive(100ms)) {
    }
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(peers.send("after"));
      EXPECT_EQ(peers.receive(), "after");
    }
    const QueueCounters counters = live.run->counters();
    EXPECT_GT(counters.overruns, 0U);
    EXPECT_EQ(counters.overruns, counters.dropped_user);
    EXPECT_EQ(live.run->statistics().packets + counters.overruns, 520U);
    EXPECT_NE(live.recorder.warnings().find("socket buffer was full"), std::string::npos);
    ASSERT_TRUE(live.run->stop());
    EXPECT_EQ(live.run->counters().dropped_user, counters.dropped_user);  // kept although the kernel's line is gone
  });
}

TEST_F(QueueRunTest, FullQueueIsCounted) {
  PERILUNE_IN_NAMESPACE([] {
    QueueOptions options = queue_options();
    options.queue_length = 10;
    Live live(pass_all, options);
    Peers peers;
    for (int i = 0; i < 25; ++i)
      peers.send("x");
    EXPECT_EQ(live.run->counters().dropped_kernel, 15U);
    ASSERT_TRUE(live.run->start());
    for (int i = 0; i < 10; ++i)
      EXPECT_TRUE(peers.receive());
    EXPECT_FALSE(peers.receive(50ms));
  });
}

TEST_F(QueueRunTest, TakenQueue) {
  PERILUNE_IN_NAMESPACE([] {
    Recorder recorder;
    const auto first = QueueRun::open(queue_options(1, 2), workers(pass_all, 2), recorder);
    ASSERT_TRUE(first);
    const auto second = QueueRun::open(queue_options(2, 3), workers(pass_all, 2), recorder);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message,
              "queue 2 is already taken by process " + std::to_string(getpid()) + " (test_hooks)");
    EXPECT_EQ(second.error().exit_status(), 2);
    const auto third = QueueRun::open(queue_options(3, 3), workers(pass_all), recorder);
    EXPECT_TRUE(third);  // what the failed one had bound is free again
  });
}

TEST_F(QueueRunTest, WorkersMustMatch) {
  Recorder recorder;
  EXPECT_FALSE(QueueRun::open(queue_options(1, 2), workers(pass_all), recorder));
  EXPECT_FALSE(QueueRun::open(queue_options(2, 1), {}, recorder));
}

/// Takes capabilities from this thread, for good.
void drop_capabilities(std::initializer_list<int> capabilities) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  ASSERT_EQ(syscall(SYS_capget, &header, sets.data()), 0);
  for (const int capability : capabilities) {
    sets[CAP_TO_INDEX(capability)].effective &= ~CAP_TO_MASK(capability);
    sets[CAP_TO_INDEX(capability)].permitted &= ~CAP_TO_MASK(capability);
  }
  ASSERT_EQ(syscall(SYS_capset, &header, sets.data()), 0);
}

TEST_F(QueueRunTest, MissingNetAdminIsNamed) {
  PERILUNE_IN_NAMESPACE([] {
    drop_capabilities({CAP_NET_ADMIN});
    Recorder recorder;
    const auto run = QueueRun::open(queue_options(), workers(pass_all), recorder);
    ASSERT_FALSE(run);
    EXPECT_EQ(run.error().message, "reading packets from queue 1 needs CAP_NET_ADMIN");
    EXPECT_NE(run.error().hint.find("AmbientCapabilities"), std::string::npos);
    EXPECT_EQ(run.error().exit_status(), 2);
    const auto rule = install_divert(parse_divert("in").value(), {{1, 1}, {}}, false);
    ASSERT_FALSE(rule);
    EXPECT_NE(rule.error().message.find("CAP_NET_ADMIN"), std::string::npos);
    const auto removed = remove_diverts(true);
    ASSERT_FALSE(removed);
    EXPECT_NE(removed.error().message.find("CAP_NET_ADMIN"), std::string::npos);
  });
}

TEST_F(QueueRunTest, MissingNetRawIsAWarning) {
  PERILUNE_IN_NAMESPACE([] {
    drop_capabilities({CAP_NET_RAW});
    Recorder recorder;
    const auto run = QueueRun::open(queue_options(), workers(pass_all), recorder);
    ASSERT_TRUE(run);
    EXPECT_NE(recorder.warnings().find("'reject' and 'reply' need CAP_NET_RAW"), std::string::npos);
  });
}

}  // namespace
}  // namespace perilune::hooks
