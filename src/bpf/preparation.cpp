#include "bpf/preparation.h"

#include <net/if_arp.h>

#include "bpf/counters.h"
#include "bpf/place.h"
#include "bpf/tiny_program.h"

namespace perilune::bpf {
namespace {

constexpr uint32_t kEthernet = 1;  // LINKTYPE_ values
constexpr uint32_t kRawIp = 101;
constexpr int32_t kPrioritiesToTry = 1000;

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

/// A packet that native XDP sends back from one end of a veth pair arrives only when the other end has an XDP program.
void note_veth(const Interface& interface, std::vector<std::string>& notes) {
  const Result<std::optional<Interface>> peer = other_end(interface);
  if (!peer || !*peer || (*peer)->xdp_program != 0) return;
  const std::string where = interface.peer_netns ? " in another network namespace" : "";
  notes.push_back(
      fmt::format("a 'reply' from xdp:{} is lost while the other end of this veth pair, {}{}, has no XDP program: load "
                  "one there, or this filter at tc:{}:in",
                  interface.name, (*peer)->name, where, interface.name));
}

}  // namespace

bool Preparation::same_place(const Preparation& other) const {
  const AttachPoint& mine = record_.point;
  const AttachPoint& theirs = other.record_.point;
  return mine.hook == theirs.hook && netns_ == other.netns_ && record_.ifindex == other.record_.ifindex &&
         (mine.hook != EntryPoint::kNetfilter ||
          (mine.netfilter == theirs.netfilter && mine.priority == theirs.priority));
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
  options.entry_point = record_.point.hook;
  options.name = program_name(installation.name);
  options.on_error = installation.options.on_error;
  options.on_malformed = installation.options.on_malformed;
  options.on_not_ip = installation.options.on_not_ip;
  options.on_default = installation.options.on_default;
  options.fuel_limit = installation.options.instructions;
  options.link_type = record_.link_type;
  options.reuse = shared;
  if (chain_) {
    options.chain_fd = chain_->table();
    options.next_in_chain = record_.chain_index + 1;
  }
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
  if (point.hook != EntryPoint::kNetfilter) {
    Result<Interface> interface = find_interface(point.interface, point.netns);
    if (!interface) return at(point, interface.error());
    made.interface_ = std::move(*interface);
    made.record_.ifindex = made.interface_.index;
    made.record_.link_type = link_type_of(made.interface_.hardware);
    made.record_.point.interface = made.interface_.name;
  }
  if (point.hook == EntryPoint::kXdp) {
    Result<XdpChain> chain = XdpChain::at_or_new(root, made.interface_);
    if (!chain) return at(point, chain.error());
    made.chain_ = std::move(*chain);
    const Result<uint32_t> place = made.chain_->free_place();
    if (!place) return at(point, place.error());
    made.record_.chain_index = *place;
    if (made.record_.chain_index >= kChainLength) {
      return input_error(fmt::format("{} has {} filters already", to_string(point), kChainLength),
                         "unload one: 'perilune list' shows them");
    }
  }
  if (const Result<void> loaded = made.load_program(installation, image, shared, verifier_log); !loaded) {
    return tl::make_unexpected(loaded.error());
  }
  return made;
}

Result<void> Preparation::attach_to_netfilter(std::vector<std::string>& notes) {
  const AttachPoint& point = record_.point;
  Result<FileDescriptor> table = create_chain();
  if (!table) return tl::make_unexpected(table.error());
  table_ = std::move(*table);
  if (const Result<void> set = set_chain(table_.get(), 0, program_.program.get()); !set) return set;
  Result<FileDescriptor> entry = load_entry(ProgramType::kNetfilter, table_.get(), 0);
  if (!entry) return tl::make_unexpected(entry.error());

  const int32_t first = point.priority.value_or(0);
  for (int32_t tries = 0; tries < (point.priority ? 1 : kPrioritiesToTry); ++tries) {
    const int32_t priority = first + tries;
    bool taken = false;
    Result<FileDescriptor> ipv4 = attach_netfilter(entry->get(), Family::kIpv4, point.netfilter, priority, taken);
    if (taken && !point.priority) continue;
    if (!ipv4) return tl::make_unexpected(ipv4.error());
    Result<FileDescriptor> ipv6 = attach_netfilter(entry->get(), Family::kIpv6, point.netfilter, priority, taken);
    if (taken && !point.priority) continue;
    if (taken) return tl::make_unexpected(ipv6.error());
    links_.push_back({"link_ipv4", std::move(*ipv4)});
    if (ipv6) {
      links_.push_back({"link_ipv6", std::move(*ipv6)});
    } else {
      notes.push_back(fmt::format("{} judges IPv4 only: {}", to_string(point), ipv6.error().message));
    }
    record_.point.priority = priority;
    return {};
  }
  return input_error(fmt::format("{}: {} priorities from {} on are taken", to_string(point), kPrioritiesToTry, first),
                     "unload filters: 'perilune list' shows them");
}

Result<void> Preparation::attach(const PinRoot& root, const ir::Image& image, std::vector<std::string>& notes) {
  const AttachPoint point = record_.point;
  Result<NamespaceScope> scope = NamespaceScope::enter(point.netns);
  if (!scope) return tl::make_unexpected(scope.error());
  switch (point.hook) {
    case EntryPoint::kXdp: {
      Result<XdpLink> link = chain_->add(root, record_.chain_index, program_.program.get(), interface_);
      if (!link) return at(point, link.error());
      record_.mode = link->mode;
      record_.why_generic = link->why_generic;
      if (record_.mode == XdpMode::kNative && image.replies) note_veth(interface_, notes);
      return {};
    }
    case EntryPoint::kTcIn:
    case EntryPoint::kTcOut: {
      Result<FileDescriptor> link =
          attach_tcx(program_.program.get(), record_.ifindex, point.interface, point.hook == EntryPoint::kTcOut);
      if (!link) return at(point, link.error());
      links_.push_back({"link", std::move(*link)});
      return {};
    }
    case EntryPoint::kNetfilter:
      if (const Result<void> attached = attach_to_netfilter(notes); !attached) return at(point, attached.error());
      return {};
  }
  return {};
}

/// Takes over what attaches the program before this one; false: nothing does any more.
Result<bool> Preparation::take_links(const PinRoot& root) {
  LinkInfo held;
  if (record_.point.hook == EntryPoint::kXdp) {
    Result<std::optional<XdpChain>> chain = XdpChain::of_program(root, record_.program_id, record_.chain_index);
    if (!chain) return tl::make_unexpected(chain.error());
    if (!*chain) return false;
    const Result<LinkInfo> info = (*chain)->link();
    if (!info) return tl::make_unexpected(info.error());
    held = *info;
    chain_ = std::move(**chain);
  } else if (record_.point.hook == EntryPoint::kNetfilter) {
    Result<FileDescriptor> table = open_pin(old_folder_ + "/chain");
    if (!table) return tl::make_unexpected(table.error());
    table_ = std::move(*table);
  }
  for (const char* name : {"link", "link_ipv4", "link_ipv6"}) {
    Result<std::optional<FileDescriptor>> link = find_pin(old_folder_ + "/" + name);
    if (!link) return tl::make_unexpected(link.error());
    if (!*link) continue;
    const Result<LinkInfo> info = link_info((*link)->get());
    if (!info) return tl::make_unexpected(info.error());
    held = *info;
    links_.push_back({name, std::move(**link)});
  }
  const bool gone = record_.point.hook == EntryPoint::kNetfilter ? links_.empty() : held.ifindex == 0;
  if (gone) return false;
  const Result<Whereabouts> now = locate(record_, &held);
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
  switch (old.point.hook) {
    case EntryPoint::kXdp: {
      Result<std::optional<XdpChain>> chain = XdpChain::of_program(root, successor, old.chain_index);
      if (!chain) return at(old.point, chain.error());
      if (!*chain) return {};
      return (*chain)->replace(old.chain_index, program->get());
    }
    case EntryPoint::kTcIn:
    case EntryPoint::kTcOut: {
      const Result<std::optional<FileDescriptor>> link = find_pin(old_folder + "/link");
      if (!link) return at(old.point, link.error());
      if (!*link) return {};
      const Result<LinkInfo> info = link_info((*link)->get());
      if (!info) return at(old.point, info.error());
      if (info->ifindex == 0 || info->program_id != successor) return {};
      return update_link((*link)->get(), program->get());
    }
    case EntryPoint::kNetfilter: {
      const Result<std::optional<FileDescriptor>> table = find_pin(old_folder + "/chain");
      if (!table) return at(old.point, table.error());
      if (!*table) return {};
      const Result<uint32_t> present = chain_program((*table)->get(), 0);
      if (!present) return at(old.point, present.error());
      if (*present != successor) return {};
      return set_chain((*table)->get(), 0, program->get());
    }
  }
  return {};
}

Result<void> Preparation::put(int program) {
  Result<void> done;
  switch (record_.point.hook) {
    case EntryPoint::kXdp:
      done = chain_->replace(record_.chain_index, program);
      break;
    case EntryPoint::kTcIn:
    case EntryPoint::kTcOut:
      done = update_link(links_.front().fd.get(), program);
      break;
    case EntryPoint::kNetfilter:
      done = set_chain(table_.get(), 0, program);
      break;
  }
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
  if (table_) {
    if (const Result<void> done = pin(table_.get(), folder + "/chain"); !done) return done;
  }
  for (const NamedLink& link : links_) {
    if (const Result<void> done = pin(link.fd.get(), folder + "/" + link.name); !done) return done;
  }
  return {};
}

}  // namespace perilune::bpf
