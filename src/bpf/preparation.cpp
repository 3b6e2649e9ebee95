#include "bpf/preparation.h"

#include <array>

#include <net/if_arp.h>

#include "bpf/counters.h"
#include "bpf/place.h"

namespace perilune::bpf {
namespace {

constexpr uint32_t kEthernet = 1;  // LINKTYPE_ values
constexpr uint32_t kRawIp = 101;

/// How frames of an interface begin, by its ARPHRD_ value.
uint32_t link_type_of(uint16_t hardware) {
  switch (hardware) {
    case ARPHRD_NONE:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case ARPHRD_RAWIP:
      return kRawIp;
    default:
      return kEthernet;
  }
}

std::string describe(const AttachPoint& point, const Error& error) {
  return fmt::format("{}: {}", to_string(point), error.message);
}

tl::unexpected<Error> at(const AttachPoint& point, const Error& error) {
  return tl::make_unexpected(Error{error.fault, describe(point, error), error.hint});
}

}  // namespace

bool Preparation::same_place(const Preparation& other) const {
  const AttachPoint& mine = record_.point;
  const AttachPoint& theirs = other.record_.point;
  return mine.hook == theirs.hook && netns_ == other.netns_ && record_.ifindex == other.record_.ifindex &&
         mine.hook->same_part(mine, theirs);
}

void Preparation::count_insns() {
  record_.program_id = program_.id;
  record_.insns = program_.insns;
  record_.verified_insns = program_.verified_insns;
  record_.load_ns = static_cast<uint64_t>(program_.load_time.count());
}

Result<void> Preparation::load_program(const Installation& installation, const ir::Image& image,
                                       std::span<const ReusableMap> shared, std::string* verifier_log) {
  ProgramOptions options;
  options.hook = record_.point.hook;
  options.outgoing = record_.point.hook->target(record_.point).direction == "out";
  options.name = program_name(installation.name);
  options.policy = installation.options.policy;
  options.fuel_limit = installation.options.instructions;
  options.link_type = record_.link_type;
  options.reuse = shared;
  placement_->choose_next(record_, options);
  Result<LoadedProgram> loaded = load(image, options, verifier_log);
  if (!loaded) return at(record_.point, loaded.error());
  program_ = std::move(*loaded);
  count_insns();
  record_.files = image.files;
  record_.errors = image.errors;
  record_.logs = image.logs;
  return {};
}

Result<Preparation> Preparation::make(const PinRoot& root, const Installation& installation, const ir::Image& image,
                                      const AttachPoint& point, std::span<const ReusableMap> shared,
                                      std::string* verifier_log) {
  Result<NamespaceScope> scope = NamespaceScope::enter(point.netns);
  if (!scope) return tl::make_unexpected(scope.error());
  Preparation made(scope->inode());
  made.record_.point = point;
  made.record_.netns = made.netns_;
  Interface interface;
  if (point.hook->at_interface()) {
    Result<Interface> found = find_interface(point.interface, point.netns);
    if (!found) return at(point, found.error());
    interface = std::move(*found);
    made.record_.ifindex = interface.index;
    made.record_.link_type = link_type_of(interface.hardware);
    made.record_.point.interface = interface.name;
  }
  Result<std::unique_ptr<Placement>> placement = point.hook->place(root, interface, made.record_);
  if (!placement) return at(point, placement.error());
  made.placement_ = std::move(*placement);
  if (const Result<void> loaded = made.load_program(installation, image, shared, verifier_log); !loaded) {
    return tl::make_unexpected(loaded.error());
  }
  return made;
}

Result<void> Preparation::attach(const PinRoot& root, const ir::Image& image, std::vector<std::string>& notes) {
  const AttachPoint point = record_.point;
  Result<NamespaceScope> scope = NamespaceScope::enter(point.netns);
  if (!scope) return tl::make_unexpected(scope.error());
  if (const Result<void> done = placement_->attach(root, program_.program.get(), image, record_, notes); !done) {
    return at(point, done.error());
  }
  return {};
}

/// Takes over what attaches the program before this one; false: nothing does any more.
Result<bool> Preparation::take_links(const PinRoot& root) {
  const Hook& hook = *record_.point.hook;
  const std::array<uint32_t, 1> programs{record_.program_id};
  Result<Held> held = hook.find(root, record_, old_folder_, programs);
  if (!held) return tl::make_unexpected(held.error());
  if (!hook.is_held(*held)) return false;
  placement_ = std::move(held->placement);
  const Result<Whereabouts> now = locate(record_, &*held->link);
  if (!now) return tl::make_unexpected(now.error());
  remark_ = now->remark;
  moved_to_ = to_string(now->point);
  if (now->netns == 0) return true;  // what is noted stays: it may be seen again from elsewhere
  netns_ = record_.netns = now->netns;
  record_.ifindex = now->ifindex;
  record_.point = now->point;
  return true;
}

Result<std::optional<Preparation>> Preparation::make_successor(const PinRoot& root, const Installation& installation,
                                                               const ir::Image& image, const Attachment& old,
                                                               const std::string& old_folder,
                                                               std::span<const ReusableMap> shared,
                                                               std::string* verifier_log) {
  // Its namespace need not be entered: links and tables are the same from everywhere.
  Preparation made(old.netns);
  made.record_ = old;
  made.old_folder_ = old_folder;
  Result<FileDescriptor> program = open_pin(old_folder + "/program");
  if (!program) return at(old.point, program.error());
  made.old_program_ = std::move(*program);
  const Result<bool> attached = made.take_links(root);
  if (!attached) return at(old.point, attached.error());
  if (!*attached) return std::optional<Preparation>();
  if (const Result<void> loaded = made.load_program(installation, image, shared, verifier_log); !loaded) {
    return tl::make_unexpected(loaded.error());
  }
  return std::optional<Preparation>(std::move(made));
}

Result<void> Preparation::take_back(const PinRoot& root, const Attachment& old, const std::string& old_folder,
                                    uint32_t successor) {
  const Result<FileDescriptor> program = open_pin(old_folder + "/program");
  if (!program) return at(old.point, program.error());
  const Hook& hook = *old.point.hook;
  const std::array<uint32_t, 1> programs{successor};
  Result<Held> held = hook.find(root, old, old_folder, programs);
  if (!held) return at(old.point, held.error());
  if (!hook.is_held(*held) || held->running != successor) return {};
  return held->placement->put(old, program->get());
}

Result<void> Preparation::put(int program) {
  const Result<void> done = placement_->put(record_, program);
  if (!done) return at(record_.point, done.error());
  return {};
}

Result<void> Preparation::swap_in() {
  return put(program_.program.get());
}

Result<void> Preparation::swap_back() {
  return put(old_program_.get());
}

Result<void> Preparation::pin_program(const std::string& folder) const {
  if (const Result<void> made = make_folder(folder); !made) return made;
  if (const Result<void> done = pin(program_.program.get(), folder + "/program"); !done) return done;
  if (const Result<void> done = pin(program_.memory.fd(), folder + "/memory"); !done) return done;
  if (const Result<void> done = pin(program_.events.fd(), folder + "/events"); !done) return done;
  if (program_.tables) {
    if (const Result<void> done = pin(program_.tables.fd(), folder + "/tables"); !done) return done;
  }
  if (!old_folder_.empty()) return count_on(folder, old_folder_);
  return {};
}

Result<void> Preparation::pin_links(const std::string& folder) const {
  return placement_->pin(folder);
}

}  // namespace perilune::bpf
