// The firewall rule that hands packets to a queue of ours: put in place, found again, removed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "packet/packet.h"

namespace perilune::hooks {

/// What to divert: 'in|out|forward [tcp|udp|icmp|sctp|PROTO] [sport A[-B]] [dport A[-B]] [on IFNAME] [inet|inet6]'.
struct DivertSpec {
  packet::Direction direction = packet::Direction::kIn;
  std::string protocol;    // empty: any
  struct Ports { uint16_t first, last; };
  std::optional<Ports> source_ports;
  std::optional<Ports> destination_ports;
  std::string interface;   // empty: any
  bool ipv4 = true;
  bool ipv6 = true;
};
[[nodiscard]] Result<DivertSpec> parse_divert(std::string_view text);

/// A rule in place; removed by the destructor.
class Divert {
 public:
  virtual ~Divert() = default;
  /// For people: the commands' effect in one line, such as "iptables-nft -A INPUT ...".
  [[nodiscard]] virtual std::string description() const = 0;
  [[nodiscard]] virtual Result<void> remove() = 0;
};

/// Removes rules that a killed run left behind, then installs one for each family, with nft where the kernel can queue from
/// nft, else with iptables-nft. All or nothing.
[[nodiscard]] Result<std::unique_ptr<Divert>> install_divert(const DivertSpec& spec, uint16_t first_queue,
                                                             uint16_t last_queue, bool fail_open);

/// Removes rules of ours in this network namespace: those whose process is gone, or all of them. Returns descriptions of what was removed.
[[nodiscard]] Result<std::vector<std::string>> remove_diverts(bool also_of_running_processes);

}  // namespace perilune::hooks
