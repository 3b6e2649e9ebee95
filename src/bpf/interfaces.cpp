#include "bpf/interfaces.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/file_descriptor.h"
#include "base/spelling.h"

namespace perilune::bpf {
namespace {

constexpr size_t kLargestAnswer = size_t{64} * 1024;  // the kernel puts at most 32 KiB into one
constexpr int kTries = 5;

/// RTM_GETLINK for one interface, or for all (index 0).
struct Question {
  nlmsghdr header{};
  ifinfomsg link{};
  rtattr mask_header{RTA_LENGTH(sizeof(uint32_t)), IFLA_EXT_MASK};
  uint32_t mask = RTEXT_FILTER_SKIP_STATS;
  rtattr netns_header{RTA_LENGTH(sizeof(int32_t)), IFLA_TARGET_NETNSID};
  int32_t netns = 0;  // left out for the current one
};

std::span<const uint8_t> content(rtattr* attribute) {
  return {static_cast<const uint8_t*>(RTA_DATA(attribute)), RTA_PAYLOAD(attribute)};
}

std::string text(rtattr* attribute) {
  const std::span<const uint8_t> bytes = content(attribute);
  return {reinterpret_cast<const char*>(bytes.data()),
          strnlen(reinterpret_cast<const char*>(bytes.data()), bytes.size())};
}

template <typename T>
T number(rtattr* attribute) {
  T value = 0;
  const std::span<const uint8_t> bytes = content(attribute);
  std::memcpy(&value, bytes.data(), std::min(sizeof value, bytes.size()));
  return value;
}

/// Calls `visit` for each attribute that lies whole in the bytes.
template <typename Visitor>
void each_attribute(rtattr* first, size_t bytes, Visitor visit) {
  for (rtattr* at = first; RTA_OK(at, bytes); at = RTA_NEXT(at, bytes))
    visit(at->rta_type & ~NLA_F_NESTED, at);
}

Interface read_interface(nlmsghdr* message) {
  Interface found;
  auto* link = static_cast<ifinfomsg*>(NLMSG_DATA(message));
  found.index = static_cast<uint32_t>(link->ifi_index);
  found.hardware = link->ifi_type;
  each_attribute(IFLA_RTA(link), IFLA_PAYLOAD(message), [&](int type, rtattr* attribute) {
    auto* inner = static_cast<rtattr*>(RTA_DATA(attribute));
    if (type == IFLA_IFNAME) found.name = text(attribute);
    if (type == IFLA_LINK) found.peer = number<uint32_t>(attribute);
    if (type == IFLA_LINK_NETNSID) found.peer_netns = number<int32_t>(attribute);
    if (type == IFLA_LINKINFO) {
      each_attribute(inner, RTA_PAYLOAD(attribute), [&](int property, rtattr* value) {
        if (property == IFLA_INFO_KIND) found.is_veth = text(value) == "veth";
      });
    }
    if (type == IFLA_PROP_LIST) {
      each_attribute(inner, RTA_PAYLOAD(attribute), [&](int property, rtattr* value) {
        if (property == IFLA_ALT_IFNAME) found.alternatives.push_back(text(value));
      });
    }
    if (type == IFLA_XDP) {
      each_attribute(inner, RTA_PAYLOAD(attribute), [&](int property, rtattr* value) {
        if (property == IFLA_XDP_ATTACHED) found.xdp_attached = number<uint8_t>(value);
        if (property == IFLA_XDP_PROG_ID) found.xdp_program = number<uint32_t>(value);
      });
    }
  });
  return found;
}

/// What one exchange with the kernel brought.
struct Answer {
  std::vector<Interface> interfaces;
  int error = 0;             // the kernel's
  bool interrupted = false;  // interfaces changed meanwhile: some may be missing
};

/// Takes in the messages of one datagram; true: the answer is complete.
bool take_in(std::span<uint8_t> bytes, bool all, Answer& answer) {
  auto left = static_cast<unsigned>(bytes.size());
  for (auto* message = reinterpret_cast<nlmsghdr*>(bytes.data()); NLMSG_OK(message, left);
       message = NLMSG_NEXT(message, left)) {
    if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) answer.interrupted = true;
    if (message->nlmsg_type == NLMSG_DONE) return true;
    if (message->nlmsg_type == NLMSG_ERROR) {
      answer.error = -static_cast<nlmsgerr*>(NLMSG_DATA(message))->error;
      return true;
    }
    if (message->nlmsg_type != RTM_NEWLINK) continue;
    answer.interfaces.push_back(read_interface(message));
    if (!all) return true;
  }
  return false;
}

Result<Answer> ask(uint32_t index, std::optional<int32_t> netns = {}) {
  const FileDescriptor link(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!link) return errno_error("ask the kernel about network interfaces", errno);
  Question question;
  question.header.nlmsg_len = netns ? sizeof question : offsetof(Question, netns_header);
  question.header.nlmsg_type = RTM_GETLINK;
  question.header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | (index == 0 ? NLM_F_DUMP : 0));
  question.link.ifi_index = static_cast<int>(index);
  if (netns) question.netns = *netns;
  while (send(link.get(), &question, question.header.nlmsg_len, 0) < 0) {
    if (errno != EINTR) return errno_error("ask the kernel about network interfaces", errno);
  }
  Answer answer;
  std::vector<uint8_t> room(kLargestAnswer);
  for (;;) {
    const ssize_t got = recv(link.get(), room.data(), room.size(), MSG_TRUNC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("hear what the kernel says about network interfaces", errno);
    if (static_cast<size_t>(got) > room.size() || got == 0) {
      return system_error("the kernel's answer about network interfaces has an unexpected size");
    }
    if (take_in({room.data(), static_cast<size_t>(got)}, index == 0, answer)) return answer;
  }
}

}  // namespace

Result<std::vector<Interface>> interfaces() {
  for (int tries = 0; tries < kTries; ++tries) {
    Result<Answer> answer = ask(0);
    if (!answer) return tl::make_unexpected(answer.error());
    if (answer->error != 0) return errno_error("list the network interfaces", answer->error);
    if (!answer->interrupted) return std::move(answer->interfaces);
  }
  return system_error("network interfaces come and go too fast to be listed", "try again");
}

Result<std::optional<Interface>> interface_at(uint32_t index) {
  if (index == 0) return std::optional<Interface>();
  Result<Answer> answer = ask(index);
  if (!answer) return tl::make_unexpected(answer.error());
  if (answer->error == ENODEV) return std::optional<Interface>();
  if (answer->error != 0 || answer->interfaces.empty()) {
    return errno_error(fmt::format("ask about network interface {}", index), answer->error);
  }
  return std::optional<Interface>(std::move(answer->interfaces.front()));
}

Result<std::optional<Interface>> other_end(const Interface& veth) {
  if (!veth.is_veth || veth.peer == 0) return std::optional<Interface>();
  Result<Answer> answer = ask(veth.peer, veth.peer_netns);
  if (!answer) return tl::make_unexpected(answer.error());
  if (answer->error != 0 || answer->interfaces.empty()) return std::optional<Interface>();
  return std::optional<Interface>(std::move(answer->interfaces.front()));
}

Result<Interface> find_interface(const std::string& name, const std::string& netns) {
  Result<std::vector<Interface>> all = interfaces();
  if (!all) return tl::make_unexpected(all.error());
  for (Interface& one : *all) {
    if (one.name == name) return std::move(one);
  }
  for (Interface& one : *all) {
    if (std::ranges::find(one.alternatives, name) != one.alternatives.end()) return std::move(one);
  }
  std::vector<std::string_view> names;
  for (const Interface& one : *all) {
    names.emplace_back(one.name);
    names.insert(names.end(), one.alternatives.begin(), one.alternatives.end());
  }
  const std::string meant = did_you_mean(name, names);
  const std::string where = netns.empty() ? "" : fmt::format(" in network namespace '{}'", netns);
  const std::string list = fmt::format("{}", fmt::join(names, ", "));
  return input_error(fmt::format("there is no interface '{}'{}", name, where),
                     meant.empty() ? fmt::format("there are: {}", list) : fmt::format("{} There are: {}", meant, list));
}

}  // namespace perilune::bpf
