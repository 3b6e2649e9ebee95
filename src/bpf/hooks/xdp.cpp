// XDP: in the driver where it can, else before the socket buffer is made for the stack (generic). Several filters at an
// interface form a chain (xdp_chain.h).
#include <linux/bpf.h>

#include "bpf/hook.h"
#include "bpf/hooks/xdp_chain.h"
#include "bpf/tiny_program.h"

namespace perilune::bpf {
namespace {

/// A packet that native XDP sends back from one end of a veth pair arrives only when the other end has an XDP program.
void note_veth(const Interface& interface, std::vector<std::string>& notes) {
  const Result<std::optional<Interface>> peer = other_end(interface);
  if (!peer || !*peer || (*peer)->xdp_program != 0) return;
  const std::string where = interface.peer_netns ? " in another network namespace" : "";
  notes.push_back(
      fmt::format("what is sent back from xdp:{} ('reply', 'reject') is lost while the other end of this veth pair, "
                  "{}{}, has no XDP program: load "
                  "one there, or this filter at tc:{}:in",
                  interface.name, (*peer)->name, where, interface.name));
}

class XdpPlacement final : public Placement {
 public:
  XdpPlacement(XdpChain chain, Interface interface) : chain_(std::move(chain)), interface_(std::move(interface)) {}

  void choose_next(const Attachment& record, ProgramOptions& options) const override {
    options.chain_fd = chain_.table();
    options.next_in_chain = record.chain_index + 1;
  }
  Result<void> attach(const PinRoot& root, int program, const ir::Image& image, Attachment& record,
                      std::vector<std::string>& notes) override {
    Result<XdpLink> link = chain_.add(root, record.chain_index, program, interface_);
    if (!link) return tl::make_unexpected(link.error());
    record.mode = link->mode;
    record.why_generic = link->why_generic;
    if (record.mode == XdpMode::kNative && (image.replies || image.rejects)) note_veth(interface_, notes);
    return {};
  }
  Result<void> put(const Attachment& record, int program) override {
    return chain_.replace(record.chain_index, program);
  }
  Result<void> pin(const std::string& /*folder*/) const override { return {}; }  // the chain's link is pinned with it

 private:
  XdpChain chain_;
  Interface interface_;
};

class XdpHook final : public Hook {
 public:
  explicit XdpHook(std::span<const uint8_t> runtime)
      : Hook({"xdp", "xdp:INTERFACE",
              "packets as they arrive, before the stack sees them: the fastest place; may rewrite and reply"},
             Scope::kInterface, {"xdp", "XDP links", "5.9", true}, xdp_programs(runtime)) {}

  Result<AttachPoint> parse(std::string_view text, std::span<const std::string_view> words) const override {
    if (words.size() != 2) return not_a_hook(text);
    if (const Result<void> sound = check_interface_name(text, words[1]); !sound) {
      return tl::make_unexpected(sound.error());
    }
    AttachPoint point;
    point.hook = this;
    point.interface = words[1];
    return point;
  }

  compiler::Target target(const AttachPoint& point) const override {
    compiler::Target target = compiler::Target::in_kernel();
    target.interface = point.interface;
    target.why_no_mark = "there is no mark before the kernel's packet buffer: load at tc:IF:in";
    return target;
  }

  bool probe(Prober& ask) const override {
    // A wrong interface gives the same errno as a kernel without links: the function that makes them is asked for.
    return ask.loads(ProgramType::kXdp, "XDP programs") && ask.has_kernel_function("bpf_xdp_link_attach", true);
  }
  std::string way(const Attachment& record, XdpMode now) const override {
    if (now == XdpMode::kGeneric && !record.why_generic.empty()) return fmt::format("generic ({})", record.why_generic);
    return std::string(to_string(now));
  }

  Result<std::unique_ptr<Placement>> place(const PinRoot& root, const Interface& interface,
                                           Attachment& record) const override {
    Result<XdpChain> chain = XdpChain::at_or_new(root, interface);
    if (!chain) return tl::make_unexpected(chain.error());
    const Result<uint32_t> place = chain->free_place();
    if (!place) return tl::make_unexpected(place.error());
    record.chain_index = *place;
    if (record.chain_index >= kChainLength) {
      return input_error(fmt::format("it has {} filters already", kChainLength),
                         "unload one: 'perilune list' shows them");
    }
    return std::make_unique<XdpPlacement>(std::move(*chain), interface);
  }

  Result<Held> find(const PinRoot& root, const Attachment& record, const std::string& /*folder*/,
                    std::span<const uint32_t> programs) const override {
    Held held;
    for (const uint32_t program : programs) {
      Result<std::optional<XdpChain>> chain = XdpChain::of_program(root, program, record.chain_index);
      if (!chain) return tl::make_unexpected(chain.error());
      if (!*chain) continue;
      const Result<LinkInfo> link = (*chain)->link();
      if (!link) return tl::make_unexpected(link.error());
      held.running = program;
      held.link = *link;
      held.placement = std::make_unique<XdpPlacement>(std::move(**chain), Interface());
      break;
    }
    return held;
  }
  Result<bool> holds(const Interface& interface, const LinkInfo& link) const override {
    return interface.xdp_program == link.program_id;
  }
  std::string_view gone() const override { return "it is in no chain any more"; }
};

}  // namespace

ProgramKind xdp_programs(std::span<const uint8_t> runtime) {
  constexpr uint32_t kHasFragments = 1U << 5;  // BPF_F_XDP_HAS_FRAGS
  return {.type = ProgramType::kXdp,
          .attach = AttachType::kXdp,
          .link = LinkType::kXdp,
          .flags = kHasFragments,
          .pass = XDP_PASS,
          .runtime = runtime,
          .context = "xdp_md"};
}

const Hook& xdp_hook(std::span<const uint8_t> runtime) {
  static const XdpHook hook(runtime);
  return hook;
}

}  // namespace perilune::bpf
