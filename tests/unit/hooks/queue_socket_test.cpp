// A queue's socket by itself: how a read that waits is ended, and large packets of which the beginning is read.
#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <netinet/in.h>

#include "base/capabilities.h"
#include "base/command.h"
#include "base/file_descriptor.h"
#include "hooks/divert.h"
#include "hooks/queue/socket.h"
#include "queue_namespace.h"

namespace perilune::hooks::queue {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 20s;
constexpr timeval kLongest{60, 0};  // a read that nothing ends must not keep the tests from ending

std::unique_ptr<QueueSocket> open_socket() {
  auto socket = QueueSocket::open(1, QueueOptions{}, true);
  EXPECT_TRUE(socket) << socket.error().message;
  if (!socket) return nullptr;
  EXPECT_EQ(setsockopt((*socket)->fd(), SOL_SOCKET, SO_RCVTIMEO, &kLongest, sizeof kLongest), 0);
  return std::move(*socket);
}

/// Reads on a thread of its own until a read ends: the number of packets, or -1.
std::future<int> read_elsewhere(QueueSocket& socket) {
  return std::async(std::launch::async, [&socket] {
    const auto arrivals = socket.receive(QueueSocket::Wait::kForMessage);
    return arrivals ? static_cast<int>(arrivals->size()) : -1;
  });
}

TEST(QueueSocket, AReadThatWaitsIsEndedByAWakeUp) {
  PERILUNE_IN_NAMESPACE([] {
    const auto socket = open_socket();
    ASSERT_TRUE(socket);
    auto read = read_elsewhere(*socket);
    EXPECT_EQ(read.wait_for(50ms), std::future_status::timeout) << "the read does not wait";
    EXPECT_EQ(socket->wake(), 0);
    ASSERT_EQ(read.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(read.get(), 0);
    EXPECT_EQ(socket->take_trouble(), 0);
    EXPECT_EQ(socket->take_refused(), 0) << "the answer to the wake-up is no refused verdict";
  });
}

TEST(QueueSocket, AWakeUpThatComesBeforeTheReadEndsItToo) {
  PERILUNE_IN_NAMESPACE([] {
    const auto socket = open_socket();
    ASSERT_TRUE(socket);
    EXPECT_EQ(socket->wake(), 0);
    auto read = read_elsewhere(*socket);
    ASSERT_EQ(read.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(read.get(), 0);
  });
}

TEST(QueueSocket, AThreadWithoutCapabilitiesCanWakeIt) {
  PERILUNE_IN_NAMESPACE([] {
    const auto socket = open_socket();
    ASSERT_TRUE(socket);
    auto read = read_elsewhere(*socket);
    std::thread([&] {
      ASSERT_TRUE(keep_only({}));
      EXPECT_EQ(socket->wake(), 0);
    }).join();
    ASSERT_EQ(read.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(read.get(), 0);
    EXPECT_EQ(socket->take_refused(), 0);
  });
}

TEST(QueueSocket, AReadThatDoesNotWaitFindsNothing) {
  PERILUNE_IN_NAMESPACE([] {
    const auto socket = open_socket();
    ASSERT_TRUE(socket);
    const auto arrivals = socket->receive(QueueSocket::Wait::kNot);
    ASSERT_TRUE(arrivals);
    EXPECT_TRUE(arrivals->empty());
    EXPECT_EQ(socket->take_trouble(), 0);
  });
}

/// A socket whose queue gets the datagrams to port 4000, and a sender of such.
class LargePackets {
 public:
  LargePackets() : socket(open_socket()), sender_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    auto installed = install_divert(parse_divert("in udp dport 4000").value(), {{1, 1}, {}}, false);
    EXPECT_TRUE(installed) << (installed ? "" : installed.error().message);
    if (installed) rule_ = std::move(*installed);
    socket->read_beginnings();
    send(kLarge, 'a');
    const auto arrivals = socket->receive(QueueSocket::Wait::kForMessage);
    EXPECT_TRUE(arrivals && arrivals->size() == 1 && arrivals->front().ready == arrivals->front().bytes.size())
        << "before the first large packet none is expected";
  }
  ~LargePackets() {
    socket.reset();
    if (rule_) {
      EXPECT_TRUE(rule_->remove());
    }
  }
  LargePackets(const LargePackets&) = delete;
  LargePackets& operator=(const LargePackets&) = delete;

  void send(size_t length, char content) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(4000);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string data(length, content);
    EXPECT_EQ(
        sendto(sender_.get(), data.data(), data.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof address),
        static_cast<ssize_t>(length));
  }
  /// The next packet, alone.
  Arrival next() {
    const auto arrivals = socket->receive(QueueSocket::Wait::kForMessage);
    EXPECT_TRUE(arrivals) << arrivals.error().message;
    if (!arrivals || arrivals->size() != 1) {
      ADD_FAILURE() << "not one packet";
      return {};
    }
    return arrivals->front();
  }

  static constexpr size_t kLarge = 60'000;
  static constexpr size_t kHeaders = 28;
  std::unique_ptr<QueueSocket> socket;

 private:
  FileDescriptor sender_;
  std::unique_ptr<Divert> rule_;
};

bool has_content(const Arrival& arrival, size_t upto, char content) {
  const auto payload = arrival.bytes.first(upto).subspan(LargePackets::kHeaders);
  return std::ranges::all_of(payload, [&](uint8_t byte) { return byte == static_cast<uint8_t>(content); });
}

class QueueSocketLarge : public testing::Test {
 protected:
  void SetUp() override {
    if (find_program("iptables-nft").empty()) GTEST_SKIP() << "iptables-nft is not installed";
  }
};

TEST_F(QueueSocketLarge, TheBeginningAndThenTheRestIsRead) {
  PERILUNE_IN_NAMESPACE([] {
    LargePackets packets;
    packets.send(LargePackets::kLarge, 'b');
    packets.send(LargePackets::kLarge, 'c');
    for (const char content : {'b', 'c'}) {
      const Arrival arrival = packets.next();
      ASSERT_EQ(arrival.bytes.size(), LargePackets::kLarge + LargePackets::kHeaders);
      EXPECT_EQ(arrival.wire_length, arrival.bytes.size());
      ASSERT_LT(arrival.ready, arrival.bytes.size()) << "all of it was read";
      EXPECT_GT(arrival.ready, 1500U);
      EXPECT_TRUE(has_content(arrival, arrival.ready, content));
      EXPECT_EQ(packets.socket->read_rest(), 0);
      EXPECT_TRUE(has_content(arrival, arrival.bytes.size(), content));
      EXPECT_EQ(packets.socket->read_rest(), 0) << "a second call does nothing";
    }
    EXPECT_TRUE(packets.socket->receive(QueueSocket::Wait::kNot)->empty());
    EXPECT_EQ(packets.socket->take_lost(), 0U);
  });
}

TEST_F(QueueSocketLarge, PacketsOfWhichNoMoreIsReadComeOnceAndInOrder) {
  PERILUNE_IN_NAMESPACE([] {
    LargePackets packets;
    const std::string contents = "bcdefgh";
    for (const char content : contents)
      packets.send(LargePackets::kLarge, content);
    for (const char content : contents) {
      const Arrival arrival = packets.next();
      ASSERT_LT(arrival.ready, arrival.bytes.size());
      EXPECT_TRUE(has_content(arrival, arrival.ready, content)) << content;
    }
    EXPECT_TRUE(packets.socket->receive(QueueSocket::Wait::kNot)->empty());
    EXPECT_EQ(packets.socket->take_lost(), 0U);
  });
}

TEST_F(QueueSocketLarge, SmallPacketsAmongThemAreRead) {
  PERILUNE_IN_NAMESPACE([] {
    LargePackets packets;
    packets.send(LargePackets::kLarge, 'b');
    packets.send(100, 'c');
    packets.send(LargePackets::kLarge, 'd');
    EXPECT_TRUE(has_content(packets.next(), 1000, 'b'));
    std::string seen;
    while (seen.size() < 2) {
      const auto arrivals = packets.socket->receive(QueueSocket::Wait::kForMessage);
      ASSERT_TRUE(arrivals);
      for (const Arrival& arrival : *arrivals) {
        seen += static_cast<char>(arrival.bytes[LargePackets::kHeaders]);
        EXPECT_TRUE(has_content(arrival, arrival.ready, seen.back()));
      }
    }
    EXPECT_EQ(seen, "cd");
    EXPECT_EQ(packets.socket->take_lost(), 0U);
  });
}

TEST_F(QueueSocketLarge, AMessageThatIsGoneEndsTheSocket) {
  PERILUNE_IN_NAMESPACE([] {
    for (const bool rest : {false, true}) {
      LargePackets packets;
      for (const char content : {'b', 'c', 'd'})
        packets.send(LargePackets::kLarge, content);
      ASSERT_LT(packets.next().ready, LargePackets::kLarge);
      std::array<char, 16> stolen{};
      ASSERT_GT(recv(packets.socket->fd(), stolen.data(), stolen.size(), 0), 0);
      if (rest) {
        EXPECT_EQ(packets.socket->read_rest(), ESTALE);
        EXPECT_EQ(packets.socket->read_rest(), ESTALE) << "the next message is not taken for it either";
      }
      EXPECT_FALSE(packets.socket->receive(QueueSocket::Wait::kNot));
      EXPECT_FALSE(packets.socket->receive(QueueSocket::Wait::kNot));
    }
  });
}

}  // namespace
}  // namespace perilune::hooks::queue
