// Taking filters out. Works without the manifest: what is pinned is asked what it is, so that leftovers of interrupted
// loads and of other versions go as well.
#include <algorithm>
#include <set>

#include <linux/bpf.h>

#include "bpf/attach.h"
#include "bpf/installation.h"
#include "bpf/system_call.h"
#include "bpf/tiny_program.h"
#include "bpf/xdp_chain.h"

namespace perilune::bpf {
namespace {

constexpr const char* kUnfinished = "@new";
constexpr std::string_view kLinkPrefix = "link";

bool is_link_name(std::string_view name) {
  return name.starts_with(kLinkPrefix);
}

/// Detaches and takes away one attachment.
Result<void> remove_attachment(const PinRoot& root, const std::string& folder) {
  if (is_pinned(folder + "/program")) {
    const Result<FileDescriptor> program = open_pin(folder + "/program");
    if (!program) return tl::make_unexpected(program.error());
    const Result<ProgramInfo> info = program_info(program->get());
    if (!info) return tl::make_unexpected(info.error());
    if (info->type == static_cast<uint32_t>(ProgramType::kXdp)) {
      for (const std::string& name : root.names()) {
        if (!is_chain_folder(name)) continue;
        if (const Result<void> gone = XdpChain::remove_program(root.path_of(name), info->id); !gone) return gone;
      }
    }
  }
  for (const std::string& name : names_in(folder)) {
    if (!is_link_name(name)) continue;
    const Result<FileDescriptor> link = open_pin(folder + "/" + name);
    if (!link) return tl::make_unexpected(link.error());
    if (const Result<void> detached = detach_link(link->get()); !detached) return detached;
  }
  return {};
}

/// A filter's folder, or that of an unfinished load.
Result<void> remove_filter(const PinRoot& root, const std::string& folder) {
  for (const std::string& name : names_in(folder)) {
    if (!name.starts_with("at_")) continue;
    if (const Result<void> gone = remove_attachment(root, folder + "/" + name); !gone) return gone;
  }
  return remove_pins(folder);
}

/// Ids of the links that are pinned in our folder.
std::set<uint32_t> pinned_links(const PinRoot& root) {
  std::set<uint32_t> ids;
  const auto add_folder = [&ids](const std::string& folder) {
    for (const std::string& name : names_in(folder)) {
      if (!is_link_name(name)) continue;
      const Result<FileDescriptor> link = open_pin(folder + "/" + name);
      const Result<LinkInfo> info = link ? link_info(link->get()) : system_error("not open");
      if (info) ids.insert(info->id);
    }
  };
  for (const std::string& name : root.names()) {
    add_folder(root.path_of(name));
    for (const std::string& part : names_in(root.path_of(name)))
      add_folder(root.path_of(name) + "/" + part);
  }
  return ids;
}

/// By its name, and by the memory that only programs of ours have.
bool is_ours(const ProgramInfo& program) {
  if (program.name == kEntryName) return true;
  if (!program.name.starts_with("pl_")) return false;
  return std::any_of(program.map_ids.begin(), program.map_ids.end(), [](uint32_t id) {
    const Result<FileDescriptor> map = open_id(ObjectKind::kMap, id);
    const Result<MapInfo> info = map ? map_info(map->get()) : system_error("not open");
    return info && info->name == "memory" && info->value_size % PL_SLOT_SIZE == PL_MEMORY_PAD;
  });
}

std::string describe(const LinkInfo& link) {
  switch (link.type) {
    case LinkType::kXdp:
      return fmt::format("xdp, interface {}", link.ifindex);
    case LinkType::kTcx:
      return fmt::format("tcx, interface {}", link.ifindex);
    case LinkType::kNetfilter:
      return fmt::format("netfilter, priority {}", link.priority);
    case LinkType::kUnspecified:
      break;
  }
  return "unknown kind";
}

}  // namespace

std::vector<Stray> find_strays(const PinRoot& root) {
  std::vector<Stray> strays;
  if (has_private_bpffs()) return strays;
  const std::set<uint32_t> pinned = pinned_links(root);
  Result<uint32_t> id = next_id(ObjectKind::kLink, 0);
  for (; id && *id != 0; id = next_id(ObjectKind::kLink, *id)) {
    if (pinned.contains(*id)) continue;
    const Result<FileDescriptor> link = open_id(ObjectKind::kLink, *id);
    const Result<LinkInfo> info = link ? link_info(link->get()) : system_error("not open");
    if (!info || (info->type != LinkType::kXdp && info->type != LinkType::kTcx && info->type != LinkType::kNetfilter)) {
      continue;
    }
    const Result<FileDescriptor> program = open_id(ObjectKind::kProgram, info->program_id);
    const Result<ProgramInfo> what = program ? program_info(program->get()) : system_error("not open");
    if (what && is_ours(*what)) strays.push_back({*id, what->name, describe(*info)});
  }
  return strays;
}

Result<void> uninstall(const std::string& name) {
  if (const Result<Manifest> there = find_manifest(name); !there && there.error().fault == Fault::kInput) {
    const Result<std::vector<std::string>> names = installed_names();
    if (!names || std::find(names->begin(), names->end(), name) == names->end()) {
      return tl::make_unexpected(there.error());
    }
  }
  Result<PinRoot> root = PinRoot::open_for_change();
  if (!root) return tl::make_unexpected(root.error());
  for (const std::string& folder : {root->path_of(name), root->path_of(name) + kUnfinished}) {
    if (const Result<void> gone = remove_filter(*root, folder); !gone) return gone;
  }
  root->remove_if_empty();
  return {};
}

Result<Removal> uninstall_all() {
  Removal removal;
  const Result<PinRoot> before = PinRoot::open_for_reading();
  if (!before) return tl::make_unexpected(before.error());
  Result<void> first;
  const auto note = [&first](const Result<void>& done) {
    if (!done && first) first = done;
  };
  if (before->exists()) {
    Result<PinRoot> root = PinRoot::open_for_change();
    if (!root) return tl::make_unexpected(root.error());
    const Result<std::vector<std::string>> names = installed_names();
    if (names) removal.names = *names;
    for (const std::string& name : root->names()) {
      if (!is_chain_folder(name)) note(remove_filter(*root, root->path_of(name)));
    }
    for (const std::string& name : root->names()) {
      if (is_chain_folder(name)) note(XdpChain::destroy(root->path_of(name)));
    }
    root->remove_if_empty();
  }
  for (const Stray& stray : find_strays(*before)) {
    const Result<FileDescriptor> link = open_id(ObjectKind::kLink, stray.link_id);
    if (!link) continue;
    const Result<void> detached = detach_link(link->get());
    note(detached);
    if (detached) ++removal.strays;
  }
  if (!first) return tl::make_unexpected(first.error());
  return removal;
}

}  // namespace perilune::bpf
