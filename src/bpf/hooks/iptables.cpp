// iptables: a match for rules (xt_bpf, iptables -m bpf --object-pinned), which holds for packets that the filter does
// not let pass. The kernel reads the pin when a rule is made and keeps what it found, so what is pinned is an entry
// that jumps into a table of one program. While its table is empty the match holds for every packet.
//
// Rules are the user's own: nothing is attached here. They can be in any network namespace, and a rule whose pin is
// gone makes the next change of its table fail; so a filter that rules use is not unloaded.
#include <algorithm>
#include <array>
#include <filesystem>

#include <linux/bpf.h>

#include "base/command.h"
#include "base/files.h"
#include "base/spelling.h"
#include "bpf/hooks/trampoline.h"
#include "bpf/namespaces.h"

namespace perilune::bpf {
namespace {

constexpr std::string_view kPin = "match";
constexpr std::array<std::string_view, 3> kDirections{"in", "out", "forward"};
constexpr std::array<const char*, 4> kLists{"iptables-nft-save", "ip6tables-nft-save", "iptables-legacy-save",
                                            "ip6tables-legacy-save"};

/// A place's two halves: "web:out".
std::string_view direction_of(const AttachPoint& point) {
  const std::string_view part = point.part;
  const size_t colon = part.find(':');
  return colon == std::string_view::npos ? kDirections[0] : part.substr(colon + 1);
}

class IptablesPlacement final : public Placement {
 public:
  IptablesPlacement() = default;
  IptablesPlacement(Trampoline trampoline, FileDescriptor entry)
      : trampoline_(std::move(trampoline)), pinned_entry_(std::move(entry)) {}

  Result<void> attach(const PinRoot& /*root*/, int program, const ir::Image& /*image*/, Attachment& record,
                      std::vector<std::string>& /*notes*/) override {
    Result<Trampoline> made = Trampoline::make(record.point.hook->program(), program);
    if (!made) return tl::make_unexpected(made.error());
    trampoline_ = std::move(*made);
    return {};
  }
  Result<void> put(const Attachment& /*record*/, int program) override { return trampoline_.put(program); }
  Result<void> pin(const std::string& folder) const override {
    if (const Result<void> done = trampoline_.pin(folder); !done) return done;
    const FileDescriptor& entry = pinned_entry_ ? pinned_entry_ : trampoline_.entry();
    return bpf::pin(entry.get(), fmt::format("{}/{}", folder, kPin));
  }

 private:
  Trampoline trampoline_;
  FileDescriptor pinned_entry_;  // of one that was found
};

/// Does the rule use this pin? People write paths in many ways, also relative to where they were: the last parts count,
/// filter, attachment and pin.
bool names_pin(std::string_view rule, const std::string& pin) {
  constexpr std::string_view kOption = "--object-pinned ";
  constexpr int kParts = 3;
  const size_t at = rule.find(kOption);
  if (at == std::string_view::npos) return false;
  std::string_view word = rule.substr(at + kOption.size());
  if (word.starts_with('"')) word.remove_prefix(1);
  word = word.substr(0, word.find_first_of("\" "));
  std::filesystem::path named = std::filesystem::path(word).lexically_normal();
  std::filesystem::path own = pin;
  for (int part = 0; part < kParts; ++part) {
    if (!named.has_filename()) return part > 0;
    if (named.filename() != own.filename()) return false;
    named = named.parent_path();
    own = own.parent_path();
  }
  return true;
}

/// The first rule of the current network namespace that uses the pin, with the list it stands in; empty: there is none.
Result<std::string> rule_with(const std::string& pin) {
  for (const char* list : kLists) {
    if (find_program(list).empty()) continue;
    const Result<CommandResult> done = run_command({list});
    if (!done) return tl::make_unexpected(done.error());
    if (done->status != 0 && !says_missing(done->errors))
      return system_error(fmt::format("{} failed: {}", list, done->errors),
                          "it is not known whether rules use the filter");
    std::string_view rest = done->output;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (!line.starts_with("-A ") || !names_pin(line, pin)) continue;
      const std::string_view tool = std::string_view(list).substr(0, std::string_view(list).rfind('-'));
      return fmt::format("{} {}", tool, line);
    }
  }
  return std::string();
}

class IptablesHook final : public Hook {
 public:
  explicit IptablesHook(std::span<const uint8_t> runtime)
      : Hook({"iptables", "iptables:NAME[:in|out|forward]",
              "a match for iptables and ip6tables rules, which holds for packets that the filter does not let pass"},
             Scope::kMachine, {"iptables", "programs for iptables (socket filters)", "4.10", true},
             {.type = ProgramType::kSocketFilter,
              .pass = 1,  // the match holds
              .runtime = runtime,
              .context = "__sk_buff",
              .raw_ip = true,
              .nests = true,
              .test_context = true,
              .test_gives_packet = false}) {}

  Result<AttachPoint> parse(std::string_view text, std::span<const std::string_view> words) const override {
    if (words.size() > 3) return not_a_hook(text);
    if (!check_filter_name(words[1])) {
      return input_error(fmt::format("'{}': '{}' cannot be the name of a match", text, words[1]),
                         "names have letters, digits, '_' and '-', at most 60 of them, such as iptables:words");
    }
    if (words.size() == 3 && std::ranges::find(kDirections, words[2]) == kDirections.end()) {
      const std::string meant = did_you_mean(words[2], kDirections);
      return input_error(fmt::format("'{}': '{}' is no direction", text, words[2]),
                         fmt::format("{}{}pkt.direction is one of {} there", meant, meant.empty() ? "" : " ",
                                     fmt::join(kDirections, ", ")));
    }
    AttachPoint point;
    point.hook = this;
    point.part = text.substr(words[0].size() + 1);
    return point;
  }

  compiler::Target target(const AttachPoint& point) const override {
    compiler::Target target = compiler::Target::looking_only();
    target.answers = true;  // by the rule's target
    target.why_no_mark = "let the rule set it: -j MARK --set-mark N";
    target.direction = direction_of(point);
    return target;
  }

  bool probe(Prober& ask) const override {
    return static_cast<bool>(ask.loads(ProgramType::kSocketFilter, "programs for iptables"));
  }
  std::string way(const Attachment& /*record*/, XdpMode /*now*/) const override { return "match"; }
  std::string usage(const AttachPoint& point, const std::string& folder) const override {
    const std::string_view direction = direction_of(point);
    return fmt::format("iptables -A {} -m bpf --object-pinned {}/{} -j DROP",
                       direction == "out"       ? "OUTPUT"
                       : direction == "forward" ? "FORWARD"
                                                : "INPUT",
                       folder, kPin);
  }

  Result<std::unique_ptr<Placement>> place(const PinRoot& /*root*/, const Interface& /*interface*/,
                                           Attachment& /*record*/) const override {
    return std::make_unique<IptablesPlacement>();
  }

  Result<Held> find(const PinRoot& /*root*/, const Attachment& /*record*/, const std::string& folder,
                    std::span<const uint32_t> /*programs*/) const override {
    Held held;
    Result<std::optional<Trampoline>> trampoline = Trampoline::find(folder);
    if (!trampoline) return tl::make_unexpected(trampoline.error());
    Result<std::optional<FileDescriptor>> entry = find_pin(fmt::format("{}/{}", folder, kPin));
    if (!entry) return tl::make_unexpected(entry.error());
    if (!*trampoline || !*entry) return held;
    const Result<uint32_t> program = (*trampoline)->running();
    if (!program) return tl::make_unexpected(program.error());
    const Result<ProgramInfo> info = program_info((*entry)->get());
    if (!info) return tl::make_unexpected(info.error());
    held.running = *program;
    held.link.emplace().program_id = info->id;  // whose run time is the filter's
    held.placement = std::make_unique<IptablesPlacement>(std::move(**trampoline), std::move(**entry));
    return held;
  }
  std::string_view gone() const override { return "its pin is gone"; }

  Result<std::string> user_of(const std::string& folder) const override {
    const std::string pin = fmt::format("{}/{}", folder, kPin);
    const Result<bool> there = exists(pin);
    if (!there) return tl::make_unexpected(there.error());
    std::string found;
    if (!*there) return found;
    const Result<uint64_t> here = current_namespace();
    if (!here) return tl::make_unexpected(here.error());
    uint64_t where = *here;
    const Result<bool> done = visit_namespaces(*here, [&](uint64_t netns) -> Result<bool> {
      const Result<std::string> rule = rule_with(pin);
      if (!rule) return tl::make_unexpected(rule.error());
      if (rule->empty()) return false;
      found = fmt::format("the rule '{}'", *rule);
      where = netns;
      return true;
    });
    if (!done) return tl::make_unexpected(done.error());
    if (where == *here) return found;
    const Result<std::optional<std::string>> name = namespace_name(where);
    if (!name) return tl::make_unexpected(name.error());
    return fmt::format("{} of the network namespace {}", found, name->value_or(fmt::format("ns:{}", where)));
  }
};

}  // namespace

const Hook& iptables_hook(std::span<const uint8_t> runtime) {
  static const IptablesHook hook(runtime);
  return hook;
}

}  // namespace perilune::bpf
