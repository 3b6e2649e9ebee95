// netfilter: the network stack's own hooks, a link for each family of addresses (Linux 6.4). Its links cannot be
// updated, so what is attached is an entry that jumps into a table of one program.
#include <algorithm>
#include <array>
#include <charconv>
#include <climits>

#include <linux/bpf.h>

#include "base/spelling.h"
#include "bpf/attach.h"
#include "bpf/hooks/links.h"
#include "bpf/hooks/trampoline.h"

namespace perilune::bpf {
namespace {

/// In the order of the kernel's numbers (NF_INET_PRE_ROUTING ...).
constexpr std::array<std::string_view, 5> kParts{"prerouting", "input", "forward", "output", "postrouting"};
constexpr std::array<const char*, 2> kLinks{"link_ipv4", "link_ipv6"};
constexpr int32_t kPrioritiesToTry = 1000;

enum class Family : uint8_t { kIpv4 = 2, kIpv6 = 10 };  // NFPROTO_

uint32_t number_of(std::string_view part) {
  return static_cast<uint32_t>(std::ranges::find(kParts, part) - kParts.begin());
}

/// In the current namespace. A taken priority: Error of Fault::kInput, and `taken` is set.
Result<FileDescriptor> attach_family(int program, Family family, const AttachPoint& point, int32_t priority,
                                     bool& taken) {
  LinkCreate create;
  create.program = static_cast<uint32_t>(program);
  create.attach_type = static_cast<uint32_t>(AttachType::kNetfilter);
  create.of.netfilter.family = static_cast<uint32_t>(family);
  create.of.netfilter.hook = number_of(point.part);
  create.of.netfilter.priority = priority;
  const long fd = create_link(create);
  taken = fd == -EBUSY;
  if (taken) {
    return input_error(
        fmt::format("another program holds priority {} at netfilter:{}", priority, point.part),
        fmt::format("choose another, such as netfilter:{}:{}, or leave it out: the next free one is taken", point.part,
                    priority + 1));
  }
  if (fd < 0) {
    return link_refused(
        fmt::format("attach to netfilter:{} ({})", point.part, family == Family::kIpv4 ? "IPv4" : "IPv6"), fd);
  }
  return FileDescriptor(static_cast<int>(fd));
}

class NetfilterPlacement final : public Placement {
 public:
  NetfilterPlacement() = default;
  NetfilterPlacement(Trampoline trampoline, std::vector<NamedLink> links)
      : trampoline_(std::move(trampoline)), links_(std::move(links)) {}

  Result<void> attach(const PinRoot& /*root*/, int program, const ir::Image& /*image*/, Attachment& record,
                      std::vector<std::string>& notes) override {
    Result<Trampoline> made = Trampoline::make(record.point.hook->program(), program);
    if (!made) return tl::make_unexpected(made.error());
    trampoline_ = std::move(*made);
    return attach_entry(trampoline_.entry().get(), record.point, notes);
  }
  Result<void> put(const Attachment& /*record*/, int program) override { return trampoline_.put(program); }
  Result<void> pin(const std::string& folder) const override {
    if (const Result<void> done = trampoline_.pin(folder); !done) return done;
    return pin_links(links_, folder);
  }

 private:
  Result<void> attach_entry(int entry, AttachPoint& point, std::vector<std::string>& notes) {
    const int32_t first = point.priority.value_or(0);
    for (int32_t tries = 0; tries < (point.priority ? 1 : kPrioritiesToTry); ++tries) {
      const int32_t priority = first + tries;
      bool taken = false;
      Result<FileDescriptor> ipv4 = attach_family(entry, Family::kIpv4, point, priority, taken);
      if (taken && !point.priority) continue;
      if (!ipv4) return tl::make_unexpected(ipv4.error());
      Result<FileDescriptor> ipv6 = attach_family(entry, Family::kIpv6, point, priority, taken);
      if (taken && !point.priority) continue;
      if (taken) return tl::make_unexpected(ipv6.error());
      links_.push_back({kLinks[0], std::move(*ipv4)});
      if (ipv6) {
        links_.push_back({kLinks[1], std::move(*ipv6)});
      } else {
        notes.push_back(fmt::format("{} judges IPv4 only: {}", to_string(point), ipv6.error().message));
      }
      point.priority = priority;
      return {};
    }
    return input_error(fmt::format("{} priorities from {} on are taken", kPrioritiesToTry, first),
                       "unload filters: 'perilune list' shows them");
  }

  Trampoline trampoline_;
  std::vector<NamedLink> links_;
};

class NetfilterHook final : public Hook {
 public:
  explicit NetfilterHook(std::span<const uint8_t> runtime)
      : Hook({"netfilter", "netfilter:prerouting|input|forward|output|postrouting[:PRIORITY]",
              "IPv4 and IPv6 packets on their way through the stack; may block"},
             Scope::kNamespace, {"netfilter", "netfilter links", "6.4", true},
             {.type = ProgramType::kNetfilter,
              .attach = AttachType::kNetfilter,
              .link = LinkType::kNetfilter,
              .pass = 1,  // NF_ACCEPT
              .runtime = runtime,
              .context = "bpf_nf_ctx",
              .raw_ip = true,
              .nests = true,
              .test_gives_packet = false}) {}

  Result<AttachPoint> parse(std::string_view text, std::span<const std::string_view> words) const override {
    if (words.size() > 3) return not_a_hook(text);
    if (std::ranges::find(kParts, words[1]) == kParts.end()) {
      const std::string meant = did_you_mean(words[1], kParts);
      return input_error(fmt::format("'{}': netfilter has no hook '{}'", text, words[1]),
                         fmt::format("{}{}its hooks are {}", meant, meant.empty() ? "" : " ", fmt::join(kParts, ", ")));
    }
    AttachPoint point;
    point.hook = this;
    point.part = words[1];
    if (words.size() == 3) {
      int32_t priority = 0;
      const std::string_view digits = words[2];
      const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), priority);
      // The kernel keeps both ends for itself.
      if (code != std::errc() || end != digits.data() + digits.size() || priority == INT_MIN || priority == INT_MAX) {
        return input_error(fmt::format("'{}': '{}' is not a priority", text, digits),
                           fmt::format("a priority is a whole number from {} to {}; lower ones see a packet first "
                                       "(conntrack -200, filter 0)",
                                       INT_MIN + 1, INT_MAX - 1));
      }
      point.priority = priority;
    }
    return point;
  }

  compiler::Target target(const AttachPoint& point) const override {
    compiler::Target target = compiler::Target::looking_only();
    target.why_no_mark = "load at tc:IF:in or tc:IF:out";
    if (point.part == "forward") target.direction = "forward";
    if (point.part == "output" || point.part == "postrouting") target.direction = "out";
    return target;
  }

  bool probe(Prober& ask) const override {
    const FileDescriptor program = ask.loads(ProgramType::kNetfilter, "netfilter programs", AttachType::kNetfilter);
    if (!program) return false;
    // A family that does not exist gives EAFNOSUPPORT from the code that makes links; EINVAL comes from kernels
    // without it.
    LinkCreate create;
    create.program = static_cast<uint32_t>(program.get());
    create.attach_type = static_cast<uint32_t>(AttachType::kNetfilter);
    create.of.netfilter.family = 250;
    return ask.knows_link(create, EAFNOSUPPORT, "netfilter links");
  }
  std::string way(const Attachment& /*record*/, XdpMode /*now*/) const override { return "link"; }
  std::string place_of(const LinkInfo& link) const override {
    return fmt::format("priority {}", link.of.netfilter.priority);
  }
  bool same_part(const AttachPoint& a, const AttachPoint& b) const override {
    return a.part == b.part && a.priority == b.priority;
  }

  Result<std::unique_ptr<Placement>> place(const PinRoot& /*root*/, const Interface& /*interface*/,
                                           Attachment& /*record*/) const override {
    return std::make_unique<NetfilterPlacement>();
  }

  Result<Held> find(const PinRoot& /*root*/, const Attachment& /*record*/, const std::string& folder,
                    std::span<const uint32_t> /*programs*/) const override {
    Held held;
    Result<FoundLinks> found = find_links(folder, kLinks);
    if (!found) return tl::make_unexpected(found.error());
    held.link = found->first;
    if (!held.link) return held;
    Result<std::optional<Trampoline>> trampoline = Trampoline::find(folder);
    if (!trampoline) return tl::make_unexpected(trampoline.error());
    if (!*trampoline) return held;
    const Result<uint32_t> program = (*trampoline)->running();
    if (!program) return tl::make_unexpected(program.error());
    held.running = *program;
    held.placement = std::make_unique<NetfilterPlacement>(std::move(**trampoline), std::move(found->links));
    return held;
  }
};

}  // namespace

const Hook& netfilter_hook(std::span<const uint8_t> runtime) {
  static const NetfilterHook hook(runtime);
  return hook;
}

}  // namespace perilune::bpf
