#include "hooks/queue/kernel_state.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <unistd.h>

#include "base/files.h"

namespace perilune::hooks::queue {

namespace {

// thread-self: a thread may have moved to another network namespace than the process started in.
constexpr const char* kQueuesFile = "/proc/thread-self/net/netfilter/nfnetlink_queue";
constexpr const char* kNetlinkFile = "/proc/thread-self/net/netlink";

/// The inode of the NETLINK_NETFILTER socket with this port id.
std::optional<uint64_t> socket_inode(uint32_t port_id) {
  std::ifstream file(kNetlinkFile);
  std::string line;
  std::getline(file, line);  // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string socket;
    std::string skipped;
    unsigned protocol = 0;
    uint32_t owner = 0;
    uint64_t inode = 0;
    fields >> socket >> protocol >> owner;
    for (int i = 0; i < 6; ++i)
      fields >> skipped;
    fields >> inode;
    if (fields && protocol == NETLINK_NETFILTER && owner == port_id) return inode;
  }
  return std::nullopt;
}

bool holds_socket(const std::filesystem::path& process, const std::string& link) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(process / "fd", error), end; !error && it != end; it.increment(error)) {
    std::error_code unreadable;
    if (std::filesystem::read_symlink(it->path(), unreadable).string() == link) return true;
  }
  return false;
}

}  // namespace

std::vector<KernelQueue> parse_kernel_queues(std::string_view text) {
  std::vector<KernelQueue> queues;
  std::istringstream lines{std::string(text)};
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    KernelQueue queue;
    unsigned number = 0;
    unsigned copy_mode = 0;
    unsigned copy_range = 0;
    fields >> number >> queue.port_id >> queue.waiting >> copy_mode >> copy_range >> queue.dropped_full >>
        queue.dropped_user >> queue.last_id;
    if (!fields || number > UINT16_MAX) continue;
    queue.number = static_cast<uint16_t>(number);
    queues.push_back(queue);
  }
  return queues;
}

std::vector<KernelQueue> kernel_queues() {
  const auto text = read_file(kQueuesFile);
  return parse_kernel_queues(text ? text->value_or("") : std::string());
}

std::optional<KernelQueue> kernel_queue(uint16_t number) {
  for (const KernelQueue& queue : kernel_queues()) {
    if (queue.number == number) return queue;
  }
  return std::nullopt;
}

KernelQueues::KernelQueues() : file_(open(kQueuesFile, O_RDONLY | O_CLOEXEC)) {}

std::optional<KernelQueue> KernelQueues::find(uint16_t number) const {
  std::string text;
  std::array<char, 4096> piece{};
  ssize_t count = 0;
  while ((count = pread(file_.get(), piece.data(), piece.size(), static_cast<off_t>(text.size()))) > 0)
    text.append(piece.data(), static_cast<size_t>(count));
  for (const KernelQueue& queue : parse_kernel_queues(text)) {
    if (queue.number == number) return queue;
  }
  return std::nullopt;
}

std::string describe_owner(uint32_t port_id) {
  const auto inode = socket_inode(port_id);
  if (!inode) return {};
  const std::string link = fmt::format("socket:[{}]", *inode);
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const std::string pid = it->path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos || !holds_socket(it->path(), link)) continue;
    std::ifstream file(it->path() / "comm");
    std::string name;
    std::getline(file, name);
    return fmt::format("process {} ({})", pid, name);
  }
  return {};
}

}  // namespace perilune::hooks::queue
