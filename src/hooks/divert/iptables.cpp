// Rules through iptables, the flavour that feeds nf_tables or the old one.
#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "base/command.h"
#include "base/files.h"
#include "hooks/divert/backend.h"

namespace perilune::hooks::divert {

namespace {

constexpr std::array<std::string_view, 3> kChains{"INPUT", "OUTPUT", "FORWARD"};

std::string prefix(bool ipv6) {
  return ipv6 ? "ip6tables" : "iptables";
}

/// `-w`: wait for another process that holds the lock of the tables.
std::vector<std::string> on_mangle(const std::string& program, std::initializer_list<std::string> arguments) {
  std::vector<std::string> command{program, "-w", "5", "-t", "mangle"};
  command.insert(command.end(), arguments);
  return command;
}

/// When iptables cannot ask the kernel which revision of a target it has, it prints this warning, takes an older
/// revision, which lacks options, and exits with status 0: the rule it installs or lists is not the one that was meant.
bool speaks_of_another_rule(std::string_view errors) {
  return errors.find("Warning: Extension") != std::string_view::npos;
}

Result<std::string> run_iptables(const std::vector<std::string>& command) {
  const auto done = run_command(command);
  if (!done) return tl::make_unexpected(done.error());
  if (done->status == 0 && !speaks_of_another_rule(done->errors)) return done->output;
  std::string errors = done->errors;
  std::replace(errors.begin(), errors.end(), '\n', ' ');
  return system_error(fmt::format("{} failed: {}", to_line(command), errors));
}

/// As `iptables -S` writes them ("-A CHAIN ..."). None where the kernel has no such table.
Result<std::vector<std::string>> list_rules(const std::string& program, const std::string& chain) {
  std::vector<std::string> rules;
  auto output = run_iptables(on_mangle(program, {"-S", chain}));
  // The warning contains "not supported" as well, and says nothing about the table.
  if (!output && !speaks_of_another_rule(output.error().message) && says_missing(output.error().message)) return rules;
  if (!output) return tl::make_unexpected(output.error());
  // The chain's policy is listed at least. iptables exits with status 0 even when it could not write its output.
  if (output->empty()) return system_error(fmt::format("{} -t mangle -S {} lists nothing", program, chain));
  std::istringstream stream(*output);
  for (std::string line; std::getline(stream, line);)
    if (line.starts_with("-A")) rules.push_back(std::move(line));
  return rules;
}

/// An empty chain is asked for twice: when iptables-nft (1.8.9) cannot ask the kernel for a chain's rules, it lists the
/// policy alone and exits with status 0.
Result<std::vector<std::string>> rules_in(const std::string& program, const std::string& chain) {
  auto rules = list_rules(program, chain);
  if (rules && rules->empty()) rules = list_rules(program, chain);
  return rules;
}

/// A rule in one family's table.
struct Placed {
  std::string program;
  std::string chain;
  std::vector<std::string> rule;
  size_t position = 1;  // in the chain, for -I

  [[nodiscard]] std::vector<std::string> command(const std::string& action) const {
    std::vector<std::string> words = on_mangle(program, {action, chain});
    if (action == "-I" && position != 1) words.push_back(std::to_string(position));
    words.insert(words.end(), rule.begin(), rule.end());
    return words;
  }
};

/// Is the rule there? iptables says no with one status alone; any other is a failure, which says nothing.
Result<bool> is_there(const Placed& placed) {
  constexpr int kNoSuchRule = 1;
  const std::vector<std::string> command = placed.command("-C");
  const auto done = run_command(command);
  if (!done) return tl::make_unexpected(done.error());
  if (done->status == 0) return true;
  if (done->status == kNoSuchRule && done->errors.find("matching rule") != std::string::npos) return false;
  return system_error(fmt::format("{} failed: {}", to_line(command), done->errors));
}

/// A command that failed may have done its work all the same, when its answer is what was lost: the rule is gone
/// when nothing is found, not when -D says so.
Result<void> take_away(const Placed& placed) {
  const auto done = run_iptables(placed.command("-D"));
  if (done) return {};
  const auto there = is_there(placed);
  if (there && !*there) return {};
  return tl::make_unexpected(done.error());
}

/// Removes the rule that a failed -I may have inserted all the same, whole or without some of its options: it is at the
/// new rule's position, has our owner, and is not among the rules from before.
Result<void> take_back(const Placed& placed, const Owner& owner, const std::vector<std::string>& before) {
  const auto after = rules_in(placed.program, placed.chain);
  if (!after) return tl::make_unexpected(after.error());
  if (after->size() < placed.position) return {};
  const std::string& line = (*after)[placed.position - 1];
  if (std::find(before.begin(), before.end(), line) != before.end()) return {};
  std::vector<std::string> words = iptables_words(line);
  if (iptables_owner(words) != owner) return {};
  words.erase(words.begin(), words.begin() + 2);
  return take_away({placed.program, placed.chain, std::move(words)});
}

/// The owners of the rules at the beginning of the chain that belong to other runs. A new rule is inserted after these
/// rules: a packet that a queue accepts skips the rest of the chain, so a rule before theirs would let packets pass
/// that those runs block, or that their rules drop after a run was killed.
std::vector<Owner> other_runs(const std::vector<std::string>& before, const Owner& owner) {
  std::vector<Owner> others;
  for (const std::string& line : before) {
    const auto other = iptables_owner(iptables_words(line));
    if (!other || *other == owner) break;
    others.push_back(*other);
  }
  return others;
}

class IptablesDivert final : public Divert {
 public:
  IptablesDivert() = default;
  ~IptablesDivert() override = default;
  IptablesDivert(const IptablesDivert&) = delete;
  IptablesDivert& operator=(const IptablesDivert&) = delete;

  Result<void> install(const Rule& rule, bool ipv6) {
    const std::string chain(iptables_chain(rule.spec.direction));
    std::string why_not;
    for (const char* flavour : {"-nft", "", "-legacy"}) {
      const std::string program = prefix(ipv6) + flavour;
      if (find_program(program).empty()) continue;
      const auto before = rules_in(program, chain);
      Placed placed{program, chain, iptables_rule(rule, ipv6)};
      const std::vector<Owner> others = before ? other_runs(*before, rule.owner) : std::vector<Owner>();
      placed.position = others.size() + 1;
      const auto done = before ? run_iptables(placed.command("-I")) : tl::make_unexpected(before.error());
      if (!done) {
        why_not += (why_not.empty() ? "" : "; ") + done.error().message;
        if (!before) continue;
        if (const auto gone = take_back(placed, rule.owner, *before); !gone) {
          return system_error(
              fmt::format("{}; the rule may be in place, and then it stays: {}", why_not, gone.error().message),
              fmt::format("remove it with: {}", to_line(placed.command("-D"))));
        }
        continue;
      }
      note_other_runs(others);
      note_other_rules(placed, *before);
      placed_.push_back(std::move(placed));
      return {};
    }
    if (why_not.empty())
      return system_error(fmt::format("{} is not installed", prefix(ipv6)), "sudo apt install iptables");
    return system_error(why_not, ipv6 ? "to divert IPv4 only, add the word inet" : "");
  }

  [[nodiscard]] std::vector<std::string> description() const override {
    std::vector<std::string> lines;
    for (const Placed& placed : placed_)
      lines.push_back(to_line(placed.command("-I")));
    return lines;
  }
  [[nodiscard]] std::vector<std::string> notes() const override { return notes_; }

  Result<void> remove() override {
    Result<void> result;
    std::vector<Placed> left;
    for (const Placed& placed : std::exchange(placed_, {})) {
      const auto done = take_away(placed);
      if (done) continue;
      left.push_back(placed);
      if (result) result = tl::make_unexpected(done.error());
    }
    placed_ = std::move(left);
    return result;
  }

 private:
  void note(std::string text) {
    if (std::find(notes_.begin(), notes_.end(), text) == notes_.end()) notes_.push_back(std::move(text));
  }

  void note_other_runs(const std::vector<Owner>& others) {
    for (const Owner& other : others) {
      const auto running = may_be_running(other);
      if (running && !*running) continue;  // replace_leftovers() removes its rule or notes that it stays
      note(
          fmt::format("process {} diverts packets, too: those that both ask for are judged by that one alone; divide "
                      "the traffic, or make one script of the two",
                      other.pid));
    }
  }

  void note_other_rules(const Placed& placed, const std::vector<std::string>& rules) {
    const auto others = std::count_if(rules.begin(), rules.end(),
                                      [](const std::string& line) { return !iptables_owner(iptables_words(line)); });
    if (others == 0) return;
    note(
        fmt::format("{} -t mangle: chain {} has other rules ({}); diverted packets that pass skip those, the filter "
                    "table sees them",
                    placed.program, placed.chain, others));
  }

  std::vector<Placed> placed_;
  std::vector<std::string> notes_;
};

/// Programs that may hold rules of ours. The old flavour is only asked when its table is there: asking would make it.
Result<std::vector<std::string>> programs_in_use(bool ipv6) {
  std::vector<std::string> programs;
  if (const std::string program = prefix(ipv6) + "-nft"; !find_program(program).empty()) programs.push_back(program);
  const auto tables =
      read_file(ipv6 ? "/proc/thread-self/net/ip6_tables_names" : "/proc/thread-self/net/ip_tables_names");
  if (!tables) return tl::make_unexpected(tables.error());
  const bool old_table = ("\n" + tables->value_or("")).find("\nmangle\n") != std::string::npos;
  if (const std::string program = prefix(ipv6) + "-legacy"; old_table && !find_program(program).empty()) {
    programs.push_back(program);
  }
  if (programs.empty() && !find_program(prefix(ipv6)).empty()) programs.push_back(prefix(ipv6));
  return programs;
}

Result<void> find_in_chain(const std::string& program, const std::string& chain, std::vector<FoundRule>& found) {
  const auto rules = rules_in(program, chain);
  if (!rules) return tl::make_unexpected(rules.error());
  for (const std::string& line : *rules) {
    std::vector<std::string> words = iptables_words(line);
    const auto owner = iptables_owner(words);
    if (!owner) continue;
    const Placed placed{program, chain, {words.begin() + 2, words.end()}};
    found.push_back({*owner, fmt::format("{} -t mangle {} (of process {})", program, line, owner->pid),
                     placed.command("-D"), iptables_queues(words)});
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Divert>> install_with_iptables(const std::vector<Rule>& rules) {
  auto divert = std::make_unique<IptablesDivert>();
  for (const bool ipv6 : {false, true}) {
    // Each goes to the top, so the one to be tried first comes last.
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
      if (!(ipv6 ? rule->spec.ipv6 : rule->spec.ipv4)) continue;
      if (auto installed = divert->install(*rule, ipv6); !installed) {
        return tl::make_unexpected(withdrawn(std::move(installed.error()), *divert));
      }
    }
  }
  return divert;
}

Result<void> find_in_iptables(std::vector<FoundRule>& found) {
  for (const bool ipv6 : {false, true}) {
    const auto programs = programs_in_use(ipv6);
    if (!programs) return tl::make_unexpected(programs.error());
    for (const std::string& program : *programs) {
      for (const std::string_view chain : kChains) {
        if (auto done = find_in_chain(program, std::string(chain), found); !done) return done;
      }
    }
  }
  return {};
}

}  // namespace perilune::hooks::divert
