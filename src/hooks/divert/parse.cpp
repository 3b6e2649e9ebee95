// The words of --divert.
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include "hooks/divert.h"

namespace perilune::hooks {

namespace {

constexpr std::string_view kForm =
    "in|out|forward [PROTOCOL] [sport A[-B]] [dport A[-B]] [on INTERFACE] [inet|inet6], such as 'in tcp dport 22'";
constexpr size_t kMaxInterfaceName = 127;  // alternative names may be this long

std::vector<std::string> words_of(std::string_view text) {
  constexpr std::string_view kBlank = " \t\n\r";
  std::vector<std::string> words;
  size_t start = 0;
  while ((start = text.find_first_not_of(kBlank, start)) != std::string_view::npos) {
    const size_t end = std::min(text.find_first_of(kBlank, start), text.size());
    words.emplace_back(text.substr(start, end - start));
    start = end;
  }
  return words;
}

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), words_(words_of(text)) {}

  Result<DivertSpec> parse() {
    if (words_.empty()) return input_error("the divert rule is empty", fmt::format("write {}", kForm));
    if (auto result = direction(); !result) return tl::make_unexpected(result.error());
    while (at_ < words_.size()) {
      if (auto result = clause(); !result) return tl::make_unexpected(result.error());
    }
    if (auto result = check(); !result) return tl::make_unexpected(result.error());
    return spec_;
  }

 private:
  /// An error about word number `index` (from 0), or about the end of the text.
  [[nodiscard]] tl::unexpected<Error> wrong(size_t index, const std::string& what) const {
    const std::string place =
        index < words_.size() ? fmt::format("word {}, '{}'", index + 1, words_[index]) : std::string("at its end");
    return input_error(fmt::format("divert rule '{}': {}: {}", text_, place, what), fmt::format("write {}", kForm));
  }

  Result<void> direction() {
    const std::string& word = words_[at_];
    if (word == "in") {
      spec_.direction = packet::Direction::kIn;
    } else if (word == "out") {
      spec_.direction = packet::Direction::kOut;
    } else if (word == "forward") {
      spec_.direction = packet::Direction::kForward;
    } else {
      return wrong(at_, "the first word must be in, out or forward");
    }
    ++at_;
    return {};
  }

  Result<void> clause() {
    const size_t here = at_++;
    const std::string& word = words_[here];
    if (word == "sport" || word == "dport") return ports(here);
    if (word == "on") return interface(here);
    if (word == "inet" || word == "inet6") return family(here);
    return protocol(here);
  }

  Result<void> first_time(const std::string& kind, size_t here) {
    if (seen_.insert(kind).second) return {};
    return wrong(here, fmt::format("the {} is given twice", kind));
  }

  Result<void> ports(size_t here) {
    const bool source = words_[here] == "sport";
    if (auto once = first_time(source ? "source port" : "destination port", here); !once) return once;
    const size_t value = at_++;
    if (value >= words_.size()) return wrong(value, fmt::format("a port must follow {}", words_[here]));
    (source ? source_word_ : destination_word_) = value;
    return {};
  }

  Result<void> interface(size_t here) {
    if (auto once = first_time("interface", here); !once) return once;
    const size_t value = at_++;
    if (value >= words_.size()) return wrong(value, "an interface name must follow on");
    const std::string& name = words_[value];
    if (name.size() > kMaxInterfaceName) {
      return wrong(value, fmt::format("an interface name has at most {} characters", kMaxInterfaceName));
    }
    if (name.find_first_of("/\"\\") != std::string::npos || name.back() == '+' || name.back() == '*' ||
        name.front() == '-' || name.front() == '!') {
      return wrong(value, "not an interface name; see the output of: ip link");
    }
    spec_.interface = name;
    return {};
  }

  Result<void> family(size_t here) {
    if (auto once = first_time("address family", here); !once) return once;
    spec_.ipv4 = words_[here] == "inet";
    spec_.ipv6 = !spec_.ipv4;
    family_word_ = here;
    return {};
  }

  Result<void> protocol(size_t here) {
    std::string name = words_[here];
    if (name == "icmp6" || name == "ipv6-icmp") name = "icmpv6";
    const bool known = name == "tcp" || name == "udp" || name == "sctp" || name == "icmp" || name == "icmpv6";
    if (!known) {
      if (const auto number = parse_number<unsigned>(name)) {
        if (*number > UINT8_MAX) return wrong(here, "a protocol number is at most 255");
        name = fmt::format("{}", *number);
      } else if (const protoent* entry = getprotobyname(name.c_str()); entry != nullptr) {
        name = fmt::format("{}", entry->p_proto);
      } else {
        return wrong(
            here,
            "expected a protocol (tcp, udp, icmp, sctp, another name of /etc/protocols, a number), sport, dport, on, "
            "inet or inet6");
      }
    }
    // 6 and tcp are the same, so that ports may follow either.
    static constexpr std::array<std::pair<int, std::string_view>, 3> kWithPorts{
        {{IPPROTO_TCP, "tcp"}, {IPPROTO_UDP, "udp"}, {IPPROTO_SCTP, "sctp"}}};
    for (const auto& [number, with_ports] : kWithPorts) {
      if (name == fmt::format("{}", number)) name = with_ports;
    }
    if (auto once = first_time("protocol", here); !once) return once;
    spec_.protocol = name;
    protocol_word_ = here;
    return {};
  }

  /// What depends on other words.
  Result<void> check() {
    for (const auto& [word, target] :
         {std::pair{source_word_, &spec_.source_ports}, std::pair{destination_word_, &spec_.destination_ports}}) {
      if (!word) continue;
      if (spec_.protocol != "tcp" && spec_.protocol != "udp" && spec_.protocol != "sctp") {
        return wrong(*word - 1, spec_.protocol.empty()
                                    ? std::string("ports need a protocol: say tcp, udp or sctp")
                                    : "only tcp, udp and sctp have ports, not " + words_[*protocol_word_]);
      }
      auto range = port_range(*word);
      if (!range) return tl::make_unexpected(range.error());
      *target = *range;
    }
    if (spec_.protocol == "icmpv6") {
      if (!spec_.ipv6) return wrong(*family_word_, "icmpv6 goes over IPv6 only");
      spec_.ipv4 = false;
    }
    return {};
  }

  Result<DivertSpec::Ports> port_range(size_t index) {
    const std::string& word = words_[index];
    if (const auto single = port(word)) return DivertSpec::Ports{*single, *single};
    const size_t dash = word.find('-');
    if (dash != std::string::npos) {
      const auto first = port(word.substr(0, dash));
      const auto last = port(word.substr(dash + 1));
      if (first && last && *first > *last) return wrong(index, "the first port of a range must not be above the last");
      if (first && last) return DivertSpec::Ports{*first, *last};
    }
    return wrong(index,
                 fmt::format("expected a port from 0 to 65535, a range A-B or a service name of /etc/services for {}",
                             spec_.protocol));
  }

  std::optional<uint16_t> port(const std::string& text) const {
    if (const auto number = parse_number<uint16_t>(text)) return number;
    const servent* entry = getservbyname(text.c_str(), spec_.protocol.c_str());
    if (entry == nullptr) return std::nullopt;
    return ntohs(static_cast<uint16_t>(entry->s_port));
  }

  std::string_view text_;
  std::vector<std::string> words_;
  size_t at_ = 0;
  DivertSpec spec_;
  std::set<std::string> seen_;
  std::optional<size_t> source_word_;  // where the port stands
  std::optional<size_t> destination_word_;
  std::optional<size_t> protocol_word_;
  std::optional<size_t> family_word_;
};

}  // namespace

Result<DivertSpec> parse_divert(std::string_view text) {
  return Parser(text).parse();
}

}  // namespace perilune::hooks
