// A hook of the kernel: all that is particular to it, in one object. One file (hooks/NAME.cpp), its runtime
// (runtime/NAME.bpf.c), and one row of the table (the list in CMakeLists.txt); nothing else knows a hook by its name.
//
//   AttachPoint ──Hook::place()──► Placement ──attach()──► packets meet the program
//   folder of pins ──Hook::find()──► Placement ──put()──► they meet another one
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/attach_point.h"
#include "bpf/features.h"
#include "bpf/interfaces.h"
#include "bpf/manifest.h"
#include "bpf/pins.h"
#include "bpf/prober.h"
#include "bpf/program.h"
#include "bpf/system_call.h"
#include "compiler/target.h"

namespace perilune::bpf {

/// What a hook needs of the kernel: its programs, and links for them.
struct Need {
  std::string_view name;   // stable, for JSON and PERILUNE_WITHOUT
  std::string_view what;   // for people
  std::string_view since;  // the first kernel of kernel.org with it: a hint for people, nothing is decided by it
  bool chains = false;     // tables of programs, too
};

/// What a hook's programs are made of.
struct ProgramKind {
  ProgramType type = ProgramType::kUnspecified;
  AttachType attach = AttachType::kNone;  // the one the kernel wants when the program is loaded
  LinkType link = LinkType::kUnspecified;
  uint32_t flags = 0;
  int32_t pass = 0;                  // the code that lets a packet pass
  std::span<const uint8_t> runtime;  // the object that clang wrote
  std::string_view context;          // name of the context's structure
  bool raw_ip = false;               // packets begin with their IP header
  bool nests = false;                // a packet can interrupt another one on the same processor
  // Test runs of the kernel: it takes a __sk_buff (mark, ifindex); it gives the packet back.
  bool test_context = false;
  bool test_gives_packet = true;
};

/// Where the places of a hook are: at interfaces, in network namespaces, or neither.
enum class Scope : uint8_t { kInterface, kNamespace, kMachine };

/// An attachment's hold in the kernel.
class Placement {
 public:
  Placement() = default;
  virtual ~Placement() = default;
  Placement(const Placement&) = delete;
  Placement& operator=(const Placement&) = delete;

  /// Before the program is loaded: where packets go on to that it lets pass.
  virtual void choose_next(const Attachment& /*record*/, ProgramOptions& /*options*/) const {}
  /// Packets meet the program from now on. Notes in `record` how.
  [[nodiscard]] virtual Result<void> attach(const PinRoot& root, int program, const ir::Image& image,
                                            Attachment& record, std::vector<std::string>& notes) = 0;
  /// Packets meet another one from now on.
  [[nodiscard]] virtual Result<void> put(const Attachment& record, int program) = 0;
  /// Pins what attaches it.
  [[nodiscard]] virtual Result<void> pin(const std::string& folder) const = 0;
};

/// What is attached: `running` is the program that packets meet (0: none of ours), `link` what holds it.
struct Held {
  uint32_t running = 0;
  std::optional<LinkInfo> link;
  std::unique_ptr<Placement> placement;  // null: nothing holds it any more
};

class Hook {
 public:
  struct Words {
    std::string_view name;
    std::string_view spelling;
    std::string_view summary;
  };

  virtual ~Hook() = default;
  Hook(const Hook&) = delete;
  Hook& operator=(const Hook&) = delete;

  [[nodiscard]] std::string_view name() const { return words_.name; }
  /// How its places are written, for people: "tc:INTERFACE:in|out".
  [[nodiscard]] std::string_view spelling() const { return words_.spelling; }
  /// What passes there and what a script may do, in one line of help.
  [[nodiscard]] std::string_view summary() const { return words_.summary; }
  [[nodiscard]] const Need& need() const { return need_; }
  [[nodiscard]] const ProgramKind& program() const { return program_; }
  [[nodiscard]] Scope scope() const { return scope_; }
  [[nodiscard]] bool at_interface() const { return scope_ == Scope::kInterface; }

  /// Words between colons, the hook's name first; at least two. Mistakes are the user's fault; `text` is what was
  /// written, for messages. Whether the interface exists is found out where it is used.
  [[nodiscard]] virtual Result<AttachPoint> parse(std::string_view text,
                                                  std::span<const std::string_view> words) const = 0;
  /// What the compiler must know of a place.
  [[nodiscard]] virtual compiler::Target target(const AttachPoint& point) const = 0;
  /// The same where only the hook is known.
  [[nodiscard]] compiler::Target any_target() const {
    AttachPoint point;
    point.hook = this;
    return target(point);
  }
  /// The same place by the name that the kernel has for it. Mistakes are the user's fault. Of hooks at interfaces, the
  /// interface's name is the kernel's already.
  [[nodiscard]] virtual Result<AttachPoint> resolve(const AttachPoint& point) const { return point; }
  /// Does this kernel know the hook's programs, and links for them?
  [[nodiscard]] virtual bool probe(Prober& ask) const = 0;
  /// What this kernel lacks of what the hook needs, for people; empty: nothing.
  [[nodiscard]] std::string_view lacks(const Features& features) const {
    return features.has(*this) && (!need_.chains || features.chains) ? std::string_view() : need_.what;
  }
  /// How it is attached: "native", "tcx", "link".
  [[nodiscard]] virtual std::string way(const Attachment& record, XdpMode now) const = 0;
  /// Do two points (in the same namespace and at the same interface) name one place?
  [[nodiscard]] virtual bool same_part(const AttachPoint& a, const AttachPoint& b) const { return a.part == b.part; }

  /// A hold for a new attachment; `interface` is that of the point, in the current namespace.
  [[nodiscard]] virtual Result<std::unique_ptr<Placement>> place(const PinRoot& root, const Interface& interface,
                                                                 Attachment& record) const = 0;
  /// What holds an attachment whose pins are in `folder`; `programs` are those that may run.
  [[nodiscard]] virtual Result<Held> find(const PinRoot& root, const Attachment& record, const std::string& folder,
                                          std::span<const uint32_t> programs) const = 0;
  /// Did what the link was at go away under it?
  [[nodiscard]] virtual bool is_adrift(const LinkInfo& link) const {
    return at_interface() && link.of.device.ifindex == 0;
  }
  /// Is there something that can be given another program?
  [[nodiscard]] bool is_held(const Held& held) const { return held.placement && !is_adrift(*held.link); }
  /// At interfaces: is the link held by this one, of the current namespace?
  [[nodiscard]] virtual Result<bool> holds(const Interface& /*interface*/, const LinkInfo& /*link*/) const {
    return false;
  }
  /// What of the link's place the kernel tells, for people: "interface 4".
  [[nodiscard]] virtual std::string place_of(const LinkInfo& link) const {
    return fmt::format("interface {}", link.of.device.ifindex);
  }
  /// What is said when nothing holds it any more.
  [[nodiscard]] virtual std::string_view gone() const { return "its link is gone"; }
  /// And when what it was at went away.
  [[nodiscard]] virtual std::string_view adrift() const { return "the interface is gone"; }

  /// Where nothing is attached here and the user has to: what to type for an attachment pinned in `folder`. Else empty.
  [[nodiscard]] virtual std::string usage(const AttachPoint& /*point*/, const std::string& /*folder*/) const {
    return {};
  }
  /// What of the user's own needs an attachment whose pins are in `folder`, for people; empty: nothing.
  [[nodiscard]] virtual Result<std::string> user_of(const std::string& /*folder*/) const { return std::string(); }

 protected:
  Hook(Words words, Scope scope, Need need, ProgramKind program)
      : words_(words), scope_(scope), need_(need), program_(program) {}

 private:
  Words words_;
  Scope scope_;
  Need need_;
  ProgramKind program_;
};

/// The table: all hooks that this program was built with.
[[nodiscard]] std::span<const Hook* const> kernel_hooks();
/// Null: there is none of that name.
[[nodiscard]] const Hook* find_hook(std::string_view name);
/// "xdp:INTERFACE, tc:INTERFACE:in|out and netfilter:...".
[[nodiscard]] std::string hook_spellings();

/// Can filters be attached there? The error names what the kernel lacks and which hooks it has.
[[nodiscard]] Result<void> check_hook(const Features& features, const Hook& hook);
/// "xdp:INTERFACE, tc:INTERFACE:in|out": those there are.
[[nodiscard]] std::string available_hooks(const Features& features);

/// The user's mistake, with what hooks there are; `meant` goes in front of them.
[[nodiscard]] tl::unexpected<Error> not_a_hook(std::string_view text, const std::string& meant = {});
/// The words of a place at an interface are sound as far as can be seen.
[[nodiscard]] Result<void> check_interface_name(std::string_view text, std::string_view name);

}  // namespace perilune::bpf
