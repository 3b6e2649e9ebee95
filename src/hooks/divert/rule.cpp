#include "hooks/divert/rule.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "hooks/queue.h"

namespace perilune::hooks::divert {

namespace {

constexpr std::string_view kCommentStart = "perilune:";
constexpr std::string_view kTableStart = "perilune_";

std::string port_text(const DivertSpec::Ports& ports, char separator) {
  if (ports.first == ports.last) return fmt::format("{}", ports.first);
  return fmt::format("{}{}{}", ports.first, separator, ports.last);
}

/// "N" or "N-M".
std::optional<QueueRange> parse_range(std::string_view text, char separator) {
  const auto number = [](std::string_view digits) -> std::optional<uint16_t> {
    uint16_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  const size_t middle = text.find(separator);
  const auto first = number(text.substr(0, middle));
  const auto last = middle == std::string_view::npos ? first : number(text.substr(middle + 1));
  if (!first || !last) return std::nullopt;
  return QueueRange{*first, *last};
}

/// ICMP is another protocol over IPv6.
std::string protocol_for(const DivertSpec& spec, bool ipv6) {
  const bool icmpv6 = spec.protocol == "icmpv6" || (ipv6 && spec.protocol == "icmp");
  return icmpv6 ? "ipv6-icmp" : spec.protocol;
}

std::string nft_chain(packet::Direction direction) {
  switch (direction) {
    case packet::Direction::kOut:
      return "output";
    case packet::Direction::kForward:
      return "forward";
    case packet::Direction::kIn:
      break;
  }
  return "input";
}

std::string nft_rule(const Rule& rule, std::optional<bool> ipv6) {
  const DivertSpec& spec = rule.spec;
  std::string text = fmt::format("meta mark != 0x{:08x}", kReplyMark);
  if (ipv6) text += *ipv6 ? " meta nfproto ipv6" : " meta nfproto ipv4";
  if (!spec.protocol.empty()) text += " meta l4proto " + protocol_for(spec, ipv6.value_or(false));
  if (spec.source_ports) text += " th sport " + port_text(*spec.source_ports, '-');
  if (spec.destination_ports) text += " th dport " + port_text(*spec.destination_ports, '-');
  if (!spec.interface.empty()) {
    text +=
        fmt::format(" {} \"{}\"", spec.direction == packet::Direction::kOut ? "oifname" : "iifname", spec.interface);
  }
  text += fmt::format(" queue num {}", rule.queues.first);
  if (rule.queues.size() > 1) text += fmt::format("-{}", rule.queues.last);
  if (rule.fail_open) text += " bypass";
  return text;
}

}  // namespace

std::vector<Rule> rules_for(const DivertSpec& spec, const DivertQueues& queues, bool fail_open, const Owner& owner) {
  if (!queues.others) return {Rule{spec, queues.queues, fail_open, owner}};
  // The second rule takes whatever the first one left, so that nothing falls between them (a later fragment over IPv6
  // has a protocol that iptables does not always find).
  DivertSpec tcp = spec;
  tcp.protocol = "tcp";
  return {Rule{tcp, queues.queues, fail_open, owner}, Rule{spec, *queues.others, fail_open, owner}};
}

std::string_view iptables_chain(packet::Direction direction) {
  switch (direction) {
    case packet::Direction::kOut:
      return "OUTPUT";
    case packet::Direction::kForward:
      return "FORWARD";
    case packet::Direction::kIn:
      break;
  }
  return "INPUT";
}

std::vector<std::string> iptables_rule(const Rule& rule, bool ipv6) {
  const DivertSpec& spec = rule.spec;
  std::vector<std::string> words;
  const auto add = [&words](std::initializer_list<std::string> more) { words.insert(words.end(), more); };
  if (!spec.interface.empty()) add({spec.direction == packet::Direction::kOut ? "-o" : "-i", spec.interface});
  if (!spec.protocol.empty()) add({"-p", protocol_for(spec, ipv6)});
  if (spec.source_ports || spec.destination_ports) add({"-m", spec.protocol});
  if (spec.source_ports) add({"--sport", port_text(*spec.source_ports, ':')});
  if (spec.destination_ports) add({"--dport", port_text(*spec.destination_ports, ':')});
  add({"-m", "mark", "!", "--mark", fmt::format("0x{:08x}", kReplyMark)});
  add({"-m", "comment", "--comment", std::string(kCommentStart) + to_text(rule.owner, ':')});
  add({"-j", "NFQUEUE"});
  if (rule.queues.size() == 1) {
    add({"--queue-num", fmt::format("{}", rule.queues.first)});
  } else {
    // The hash of the addresses chooses. By the processor (--queue-cpu-fanout) a flow whose sender moves to another
    // processor would have packets in two queues, and they would come out of order.
    add({"--queue-balance", fmt::format("{}:{}", rule.queues.first, rule.queues.last)});
  }
  if (rule.fail_open) add({"--queue-bypass"});
  return words;
}

std::vector<std::string> iptables_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  bool started = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      quoted = !quoted;
      started = true;
    } else if (c == '\\' && i + 1 < line.size()) {
      word += line[++i];
      started = true;
    } else if (c == ' ' && !quoted) {
      if (started) words.push_back(std::exchange(word, {}));
      started = false;
    } else {
      word += c;
      started = true;
    }
  }
  if (started) words.push_back(word);
  return words;
}

std::optional<Owner> iptables_owner(const std::vector<std::string>& words) {
  const auto option = std::find(words.begin(), words.end(), "--comment");
  if (option == words.end() || option + 1 == words.end() || words.front() != "-A") return std::nullopt;
  const std::string& comment = *(option + 1);
  if (!comment.starts_with(kCommentStart)) return std::nullopt;
  return parse_owner(std::string_view(comment).substr(kCommentStart.size()), ':');
}

std::vector<QueueRange> iptables_queues(const std::vector<std::string>& words) {
  std::vector<QueueRange> queues;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] != "--queue-num" && words[i] != "--queue-balance") continue;
    if (const auto range = parse_range(words[i + 1], ':')) queues.push_back(*range);
  }
  return queues;
}

std::string nft_table(const Owner& owner) {
  return std::string(kTableStart) + to_text(owner, '_');
}

std::optional<Owner> nft_owner(std::string_view table) {
  if (!table.starts_with(kTableStart)) return std::nullopt;
  return parse_owner(table.substr(kTableStart.size()), '_');
}

std::vector<QueueRange> nft_queues(std::string_view listing) {
  // "... queue num 5-6 bypass", or as newer versions print it "... queue flags bypass to 5-6".
  constexpr std::string_view kQueue = " queue ";
  std::vector<QueueRange> queues;
  for (size_t at = 0; (at = listing.find(kQueue, at)) != std::string_view::npos; at += kQueue.size()) {
    const std::string_view rest = listing.substr(at + kQueue.size());
    for (const std::string& word : iptables_words(rest.substr(0, rest.find('\n')))) {
      const auto range = parse_range(word, '-');
      if (!range) continue;
      queues.push_back(*range);
      break;
    }
  }
  return queues;
}

std::string nft_ruleset(const std::vector<Rule>& all) {
  std::vector<std::string> rules;
  for (const Rule& rule : all) {
    const DivertSpec& spec = rule.spec;
    if (spec.ipv4 && spec.ipv6 && spec.protocol != "icmp") {
      rules.push_back(nft_rule(rule, std::nullopt));
    } else {
      if (spec.ipv4) rules.push_back(nft_rule(rule, false));
      if (spec.ipv6) rules.push_back(nft_rule(rule, true));
    }
  }
  const std::string chain = nft_chain(all.front().spec.direction);
  // Just before `mangle`, as the rules of iptables are at the top of it.
  return fmt::format(
      "table inet {} {{\n  chain {} {{\n    type filter hook {} priority -151; policy accept;\n    {}\n  }}\n}}\n",
      nft_table(all.front().owner), chain, chain, fmt::join(rules, "\n    "));
}

}  // namespace perilune::hooks::divert
