// tc: tcx links at an interface, for what arrives and for what leaves (Linux 6.6).
#include <algorithm>

#include <linux/bpf.h>

#include "bpf/attach.h"
#include "bpf/hooks/links.h"

namespace perilune::bpf {
namespace {

constexpr std::string_view kOut = "out";

/// Behind the programs that are there already.
Result<FileDescriptor> attach_tcx(int program, const Attachment& record) {
  LinkCreate create;
  create.program = static_cast<uint32_t>(program);
  create.target = record.ifindex;
  create.attach_type =
      static_cast<uint32_t>(record.point.part == kOut ? AttachType::kTcxEgress : AttachType::kTcxIngress);
  const long fd = create_link(create);
  const std::string what = fmt::format("attach to tc:{}:{}", record.point.interface, record.point.part);
  if (fd == -ERANGE) return errno_error(what, ERANGE, "the kernel takes no more programs there: unload one");
  if (fd < 0) return link_refused(what, fd);
  return FileDescriptor(static_cast<int>(fd));
}

class TcPlacement final : public LinkPlacement {
 public:
  TcPlacement() = default;
  explicit TcPlacement(std::vector<NamedLink> links) { hold(std::move(links)); }

  Result<void> attach(const PinRoot& /*root*/, int program, const ir::Image& /*image*/, Attachment& record,
                      std::vector<std::string>& /*notes*/) override {
    Result<FileDescriptor> link = attach_tcx(program, record);
    if (!link) return tl::make_unexpected(link.error());
    hold(std::move(*link));
    return {};
  }
};

class TcHook final : public Hook {
 public:
  explicit TcHook(std::span<const uint8_t> runtime)
      : Hook({"tc", "tc:INTERFACE:in|out", "packets that arrive or leave; may rewrite, reply and set marks"},
             Scope::kInterface, {"tcx", "links at tc (tcx)", "6.6"},
             {.type = ProgramType::kSchedCls,
              .attach = AttachType::kNone,  // any program fits both ways
              .link = LinkType::kTcx,
              .pass = -1,  // TCX_NEXT
              .runtime = runtime,
              .context = "__sk_buff",
              .test_context = true}) {}

  Result<AttachPoint> parse(std::string_view text, std::span<const std::string_view> words) const override {
    if (const Result<void> sound = check_interface_name(text, words[1]); !sound) {
      return tl::make_unexpected(sound.error());
    }
    if (words.size() == 3 && (words[2] == "in" || words[2] == kOut)) {
      AttachPoint point;
      point.hook = this;
      point.interface = words[1];
      point.part = words[2];
      return point;
    }
    return input_error(
        fmt::format("'{}' does not say which direction", text),
        fmt::format("write tc:{}:in for packets that arrive, tc:{}:out for those that leave", words[1], words[1]));
  }

  compiler::Target target(const AttachPoint& point) const override {
    compiler::Target target = compiler::Target::in_kernel();
    target.interface = point.interface;
    if (point.part == kOut) target.direction = "out";
    return target;
  }

  bool probe(Prober& ask) const override {
    const FileDescriptor program = ask.loads(ProgramType::kSchedCls, "programs at tc");
    if (!program) return false;
    LinkCreate create;
    create.program = static_cast<uint32_t>(program.get());
    create.target = 0x7fffffff;  // no interface has this number
    create.attach_type = static_cast<uint32_t>(AttachType::kTcxIngress);
    return ask.knows_link(create, ENODEV, "links at tc");
  }
  std::string way(const Attachment& /*record*/, XdpMode /*now*/) const override { return "tcx"; }

  Result<std::unique_ptr<Placement>> place(const PinRoot& /*root*/, const Interface& /*interface*/,
                                           Attachment& /*record*/) const override {
    return std::make_unique<TcPlacement>();
  }
  Result<bool> holds(const Interface& interface, const LinkInfo& link) const override {
    const Result<std::vector<uint32_t>> links = tcx_links(interface.index, link.of.device.attach_type);
    if (!links) return tl::make_unexpected(links.error());
    return std::ranges::find(*links, link.id) != links->end();
  }
  Result<Held> find(const PinRoot& /*root*/, const Attachment& /*record*/, const std::string& folder,
                    std::span<const uint32_t> /*programs*/) const override {
    return find_link_placement<TcPlacement>(folder);
  }
};

}  // namespace

const Hook& tc_hook(std::span<const uint8_t> runtime) {
  static const TcHook hook(runtime);
  return hook;
}

}  // namespace perilune::bpf
