// Rules through nft: a table of our own, `inet perilune_PID_STARTTIME_PIDNAMESPACE`.
#include <sstream>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/command.h"
#include "hooks/divert/backend.h"

namespace perilune::hooks::divert {

namespace {

Result<void> run_nft(const std::vector<std::string>& arguments, const std::string& input = {}) {
  std::vector<std::string> command{"nft"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const auto done = run_command(command, input);
  if (!done) return tl::make_unexpected(done.error());
  if (done->status == 0) return {};
  return system_error(fmt::format("{} failed: {}", to_line(command), done->errors));
}

class NftDivert final : public Divert {
 public:
  explicit NftDivert(const std::vector<Rule>& rules)
      : table_(nft_table(rules.front().owner)), ruleset_(nft_ruleset(rules)) {}
  /// The emptied table stays until here: taking its chain away earlier would make the kernel drop what is still queued.
  ~NftDivert() override {
    if (removed_) std::ignore = run_nft({"delete", "table", "inet", table_});
  }
  NftDivert(const NftDivert&) = delete;
  NftDivert& operator=(const NftDivert&) = delete;

  [[nodiscard]] std::vector<std::string> description() const override { return {"nft: " + ruleset_}; }
  [[nodiscard]] std::vector<std::string> notes() const override { return {}; }
  Result<void> remove() override {
    if (removed_) return {};
    if (auto flushed = run_nft({"flush", "table", "inet", table_}); !flushed) return flushed;
    removed_ = true;
    return {};
  }

 private:
  std::string table_;
  std::string ruleset_;
  bool removed_ = false;
};

/// After nft failed, which says little about the kernel: its answer may have been what was lost.
Result<void> make_sure_it_is_not_there(const Owner& owner) {
  std::vector<FoundRule> found;
  auto looked = find_in_nft(found);
  if (!looked) return looked;
  for (const FoundRule& rule : found) {
    if (rule.owner != owner) continue;
    if (auto deleted = run_nft({rule.removal.begin() + 1, rule.removal.end()}); !deleted) return deleted;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Divert>> install_with_nft(const std::vector<Rule>& rules, std::string& why_not) {
  const std::string ruleset = nft_ruleset(rules);
  if (auto checked = run_nft({"-c", "-f", "-"}, ruleset); !checked) {
    why_not = checked.error().message;
    return std::unique_ptr<Divert>();
  }
  if (auto loaded = run_nft({"-f", "-"}, ruleset); !loaded) {
    const Owner& owner = rules.front().owner;
    if (const auto sure = make_sure_it_is_not_there(owner); !sure) {
      return system_error(
          fmt::format("{}; it may be in place, and then it stays: {}", loaded.error().message, sure.error().message),
          fmt::format("remove it with: nft delete table inet {}", nft_table(owner)));
    }
    why_not = loaded.error().message;
    return std::unique_ptr<Divert>();
  }
  return std::make_unique<NftDivert>(rules);
}

Result<void> find_in_nft(std::vector<FoundRule>& found) {
  if (find_program("nft").empty()) return {};
  const auto listed = run_command({"nft", "list", "tables", "inet"});
  if (!listed) return tl::make_unexpected(listed.error());
  if (listed->status != 0) {
    if (says_missing(listed->errors)) return {};
    return system_error(fmt::format("nft list tables inet failed: {}", listed->errors));
  }
  std::istringstream lines(listed->output);
  std::string word;
  std::string family;
  std::string table;
  while (lines >> word >> family >> table) {
    const auto owner = nft_owner(table);
    if (!owner) continue;
    const auto content = run_command({"nft", "-n", "list", "table", "inet", table});
    if (!content) return tl::make_unexpected(content.error());
    if (content->status != 0) {
      if (says_missing(content->errors)) continue;  // it has just gone
      return system_error(fmt::format("nft list table inet {} failed: {}", table, content->errors));
    }
    found.push_back({*owner,
                     fmt::format("nft table inet {} (of process {})", table, owner->pid),
                     {"nft", "delete", "table", "inet", table},
                     nft_queues(content->output)});
  }
  return {};
}

}  // namespace perilune::hooks::divert
