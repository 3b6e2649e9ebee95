// Rules through nft: a table of our own, `inet perilune_PID_STARTTIME_PIDNAMESPACE`.
#include <sstream>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "hooks/divert/backend.h"
#include "hooks/divert/command.h"

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

}  // namespace

Result<std::unique_ptr<Divert>> install_with_nft(const std::vector<Rule>& rules) {
  const std::string ruleset = nft_ruleset(rules);
  if (auto checked = run_nft({"-c", "-f", "-"}, ruleset); !checked) return tl::make_unexpected(checked.error());
  if (auto loaded = run_nft({"-f", "-"}, ruleset); !loaded) return tl::make_unexpected(loaded.error());
  return std::make_unique<NftDivert>(rules);
}

Result<void> remove_from_nft(Which which, std::vector<std::string>& removed) {
  if (find_program("nft").empty()) return {};
  const auto listed = run_command({"nft", "list", "tables", "inet"});
  if (!listed) return tl::make_unexpected(listed.error());
  if (listed->status != 0) return {};  // a kernel without nf_tables
  std::istringstream lines(listed->output);
  std::string word;
  std::string family;
  std::string table;
  while (lines >> word >> family >> table) {
    const auto owner = nft_owner(table);
    if (!owner || !is_wanted(*owner, which)) continue;
    if (auto deleted = run_nft({"delete", "table", "inet", table}); !deleted) return deleted;
    removed.push_back(fmt::format("nft table inet {} (of process {})", table, owner->pid));
  }
  return {};
}

}  // namespace perilune::hooks::divert
