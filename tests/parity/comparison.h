// A script in several configurations beside lua, packet by packet, over the same packets.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "folder.h"
#include "packets.h"
#include "script_file.h"
#include "subject.h"

namespace perilune::parity {

struct Tally {
  uint64_t scripts = 0;   // compared
  uint64_t refused = 0;   // as they should be
  uint64_t left_out = 0;  // because the hook cannot do what they do, or lua came to no end
  uint64_t packets = 0;
  uint64_t differences = 0;  // packets, maps and errors that differ
  uint64_t passed = 0;
  uint64_t failed = 0;  // scripts with a difference, or a wrong refusal
};

/// What was wrong with one script.
struct Report {
  std::vector<std::string> lines;  // the first differences, readable
  bool failed = false;
  std::string first_configuration;  // that failed
  std::string kind;                 // how it failed first: "CONFIGURATION: differs", "CONFIGURATION: refused CODE", ...
};

class Comparison {
 public:
  /// `configurations` beside lua; the packets are shared by all scripts. `most_lines`: differences told for each script
  /// and configuration.
  Comparison(std::vector<std::unique_ptr<Configuration>> configurations, const PacketSet& captured, const Terms& terms,
             unsigned most_lines);

  [[nodiscard]] Report compare(const ScriptFile& script);
  /// In every configuration outside the kernel and at one of the kernel's hooks: the first, from the `turn`th on, that
  /// takes the script.
  [[nodiscard]] Report compare_at_one_hook(const ScriptFile& script, uint64_t turn);
  /// Other packets from now on.
  void use(const PacketSet& captured);
  /// Scripts nobody wrote may use what cannot be compiled: a refusal is counted, and no failure.
  void accept_refusals() { accepts_refusals_ = true; }
  /// Counts what `other` counted, too.
  void add(const Comparison& other);
  /// While quiet nothing is counted.
  void quiet(bool quiet) { quiet_ = quiet; }

  /// Packets left out because a configuration cannot be shown them.
  [[nodiscard]] uint64_t not_shown() const { return not_shown_; }
  /// Scripts that lua itself does not load.
  [[nodiscard]] uint64_t lua_failures() const { return lua_failures_; }
  /// Of scripts that may be refused: by code, how often by which configuration.
  using Refusals = std::map<std::string, std::map<std::string, uint64_t>>;
  [[nodiscard]] const Refusals& refusals() const { return refusals_; }
  [[nodiscard]] const std::map<std::string, Tally>& tallies() const { return tallies_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Configuration>>& configurations() const { return configurations_; }

 private:
  /// What the script is to configurations of that feed.
  [[nodiscard]] std::string text_for(const ScriptFile& script, Feed feed) const;
  [[nodiscard]] bool can_run(const ScriptFile& script, const Configuration& configuration) const;
  /// False when none of the configurations took the script, and that is no failure.
  bool compare_feed(const ScriptFile& script, Feed feed, const std::function<bool(const Configuration&)>& wanted,
                    Report& report);

  std::vector<std::unique_ptr<Configuration>> configurations_;
  std::array<std::unique_ptr<Configuration>, kFeeds> lua_;
  std::array<std::vector<std::function<bool(const StoredPacket&)>>, kFeeds> cannot_show_;
  std::array<PacketSet, kFeeds> packets_;
  uint64_t not_shown_ = 0;
  Folder folder_;  // of scripts as some hooks get them
  unsigned most_lines_;
  bool quiet_ = false;
  bool accepts_refusals_ = false;
  uint64_t lua_failures_ = 0;
  Refusals refusals_;
  Tally nobody_;
  std::map<std::string, Tally> tallies_;
};

}  // namespace perilune::parity
