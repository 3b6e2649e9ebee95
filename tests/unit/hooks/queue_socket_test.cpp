// A queue's socket by itself: how a read that waits is ended.
#include <chrono>
#include <future>
#include <thread>

#include <gtest/gtest.h>

#include "hooks/queue/privileges.h"
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

}  // namespace
}  // namespace perilune::hooks::queue
