// The firewall rule that hands packets to a queue of ours: put in place, found again, removed.
//
// Where: the top of INPUT, OUTPUT or FORWARD of the `mangle` table (or, where the kernel can queue from nft, a table of
// our own at the same priority), before the `filter` table. A packet that passes therefore still meets every rule of
// `filter`: a filter of ours can take away, never open what the firewall closes. (In `filter` itself a pass would skip
// the rules after ours.) What a passed packet does skip are later rules in the same `mangle` chain; notes() says so
// when there are some.
//
// Each rule carries the comment "perilune:PID:STARTTIME:PIDNAMESPACE:FILTER" of the process it belongs to, so that
// rules of killed runs are distinguished from those of running ones, also when the pid is in use again or belongs to
// another container, and those of one filter from those of another.
//
// Fragments: only the first one carries ports. The kernel puts IPv4 packets together before INPUT; elsewhere, and for
// IPv6, it does so where connection tracking is in use. Without that, a rule with ports diverts first fragments only;
// one without ports diverts them all.
//
// Packets with the mark kReplyMark of queue.h, our own answers, are not diverted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hooks/queue.h"
#include "packet/packet.h"

namespace perilune::hooks {

/// What to divert: 'in|out|forward [PROTOCOL] [sport A[-B]] [dport A[-B]] [on IFNAME] [inet|inet6]', the words after
/// the first in any order. PROTOCOL is a name (tcp, udp, icmp, sctp, ...) or a number; ports are numbers or service
/// names and need tcp, udp or sctp. `icmp` means ICMP over IPv4 and ICMPv6 over IPv6. `on` is the interface a packet
/// came in by (in, forward) or leaves by (out).
struct DivertSpec {
  struct Ports {
    uint16_t first = 0;
    uint16_t last = 0;
  };
  packet::Direction direction = packet::Direction::kIn;
  std::string protocol;  // empty: any; else "tcp", "udp", "sctp", "icmp", "icmpv6" or a number
  std::optional<Ports> source_ports;
  std::optional<Ports> destination_ports;
  std::string interface;            // empty: any; its name or one of its alternative names
  bool wait_for_interface = false;  // it may come later
  bool ipv4 = true;
  bool ipv6 = true;
  /// What judges the packets, such as the script's whole path: see install_divert().
  std::string filter;
};
/// Errors name the word that is wrong, its place and what may stand there.
[[nodiscard]] Result<DivertSpec> parse_divert(std::string_view text);

/// The queues that packets go to.
struct DivertQueues {
  QueueRange queues;                 // of all packets, or of TCP alone when there are others
  std::optional<QueueRange> others;  // of everything but TCP (queue.h says why these are apart)
};

/// Rules in place. Only remove() takes them away: a process that ends in any other way leaves them, so that nothing
/// passes unjudged, and the next install_divert() or remove_diverts() finds them.
class Divert {
 public:
  virtual ~Divert() = default;
  /// For people: the commands that were run, one a rule and family, such as "iptables-nft -t mangle -I INPUT ...".
  [[nodiscard]] virtual std::vector<std::string> description() const = 0;
  /// What the user should know about the firewall around the rule; mostly empty.
  [[nodiscard]] virtual std::vector<std::string> notes() const = 0;
  /// Removes the rules; a second call does nothing. The kernel still holds packets that were queued before: see
  /// QueueRun::stop().
  [[nodiscard]] virtual Result<void> remove() = 0;
};

/// Installs rules for each family, with nft where the kernel can queue from nft, else with iptables-nft, else with
/// iptables; then removes rules that killed runs of the same filter with the same words left behind, so that there is
/// no moment without a rule. Those of other filters stay, because they keep traffic closed that this one does not
/// judge: notes() names each with the command that removes it. All or nothing: an error says so when a rule may have
/// stayed. Several queues: the hash of the packet's addresses chooses, so that the packets of a flow keep their order.
/// `fail_open`: packets pass while no program listens on the queue; otherwise they are dropped.
[[nodiscard]] Result<std::unique_ptr<Divert>> install_divert(const DivertSpec& spec, const DivertQueues& queues,
                                                             bool fail_open);

/// The same from a process of its own, which keeps the privileges for it while this one gives them up. The rules are
/// those of the calling process. While it runs, rules `on INTERFACE` follow the interface when it is renamed.
class DivertKeeper : public Divert {
 public:
  /// Starts the process; nothing is installed. To be called while this process has one thread.
  [[nodiscard]] static Result<std::unique_ptr<DivertKeeper>> start(const DivertSpec& spec, bool fail_open);
  [[nodiscard]] virtual Result<void> install(const DivertQueues& queues) = 0;
};

/// The queues that rules of ours send to which are not of this filter (null: no filter with a rule) and whose run may
/// have ended. Whoever served them would judge, and pass, what the other filter keeps closed.
[[nodiscard]] Result<std::vector<QueueRange>> queues_of_other_filters(const DivertSpec* spec);

/// Removes rules of ours in this network namespace: those whose process is gone, or (`also_of_running_processes`) all
/// of them. Returns descriptions of what was removed.
[[nodiscard]] Result<std::vector<std::string>> remove_diverts(bool also_of_running_processes);

}  // namespace perilune::hooks
