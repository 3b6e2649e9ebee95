#include "hooks/queue/interface_names.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace perilune::hooks::queue {

Result<std::unique_ptr<InterfaceChanges>> InterfaceChanges::open() {
  std::unique_ptr<InterfaceChanges> changes(new InterfaceChanges);
  changes->socket_ = FileDescriptor(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_LINK;
  if (!changes->socket_ ||
      ::bind(changes->socket_.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0) {
    return errno_error("listen for changes of network interfaces", errno);
  }
  changes->questions_ = FileDescriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!changes->questions_) return errno_error("make a socket", errno);
  changes->end_ = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!changes->end_) return errno_error("make an eventfd", errno);
  return changes;
}

Result<void> InterfaceChanges::start() {
  try {
    thread_ = std::thread([this] { listen(); });
  } catch (const std::system_error& error) {
    return errno_error("start a thread", error.code().value());
  }
  return {};
}

InterfaceChanges::~InterfaceChanges() {
  if (!thread_.joinable()) return;
  ::eventfd_write(end_.get(), 1);
  thread_.join();
}

void InterfaceChanges::listen() {
  constexpr int kWithoutNews = 1000;  // milliseconds; should news be lost, a name is old for no longer than this
  while (true) {
    std::array<pollfd, 2> waited{{{socket_.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}}};
    const int ready = ::poll(waited.data(), waited.size(), kWithoutNews);
    if (ready > 0 && waited[1].revents != 0) return;
    if (ready < 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));  // it is tried again, not in a loop
    // What changed does not matter. An error (too much news at once) is a change too.
    std::array<char, 8192> news{};
    while (::recv(socket_.get(), news.data(), news.size(), MSG_DONTWAIT) > 0) {
    }
    count_.fetch_add(1, std::memory_order_release);
  }
}

void InterfaceNames::ask(uint32_t index, Name& name) const {
  ifreq request{};
  request.ifr_ifindex = static_cast<int>(index);
  if (::ioctl(changes_.socket(), SIOCGIFNAME, &request) == 0) {
    std::memcpy(name.data(), request.ifr_name, name.size());
  } else if (errno == ENODEV) {
    name[0] = '\0';
  } else {
    throw std::system_error(errno, std::generic_category(), "cannot ask for the name of an interface");
  }
}

}  // namespace perilune::hooks::queue
