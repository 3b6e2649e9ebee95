// For tests: a network namespace of its own, with only a loopback interface, gone when the thread in it ends.
#pragma once

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace perilune::hooks {

/// Runs `body` on a thread in a new network namespace with `lo` up. Otherwise says why it could not.
inline std::string run_in_namespace(const std::function<void()>& body) {
  std::string problem;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) != 0) {
      problem = std::string("cannot make a network namespace: ") + std::strerror(errno);
      return;
    }
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    const bool up = socket >= 0 && ioctl(socket, SIOCSIFFLAGS, &request) == 0;
    close(socket);
    if (!up) {
      problem = "cannot bring lo up";
      return;
    }
    body();
  }).join();
  return problem;
}

}  // namespace perilune::hooks

/// The test's body runs in a namespace; without the privilege to make one the test is skipped.
#define PERILUNE_IN_NAMESPACE(...) \
  if (const auto problem = perilune::hooks::run_in_namespace(__VA_ARGS__); !problem.empty()) GTEST_SKIP() << problem
