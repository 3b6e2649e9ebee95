// Taking filters out. Works without the manifest: what is pinned is asked what it is, so that leftovers of interrupted
// loads and of other versions go as well.
#include <algorithm>
#include <set>

#include <linux/bpf.h>
#include <linux/capability.h>

#include "base/capabilities.h"
#include "bpf/attach.h"
#include "bpf/hook.h"
#include "bpf/hooks/xdp_chain.h"
#include "bpf/installation.h"
#include "bpf/system_call.h"
#include "bpf/tiny_program.h"

namespace perilune::bpf {
namespace {

constexpr std::string_view kLinkPrefix = "link";
constexpr std::string_view kAttachmentPrefix = "at_";

bool is_link_name(std::string_view name) {
  return name.starts_with(kLinkPrefix);
}

/// Ids of the programs of all attachments but those in the folder `except`: no other may be in an XDP chain.
Result<std::set<uint32_t>> programs_but(const PinRoot& root, const std::string& except) {
  std::set<uint32_t> ids;
  const Result<std::vector<std::string>> filters = root.names();
  if (!filters) return tl::make_unexpected(filters.error());
  for (const std::string& filter : *filters) {
    const std::string folder = root.path_of(filter);
    if (folder == except || is_chain_folder(filter)) continue;
    const Result<std::vector<std::string>> parts = names_in(folder);
    if (!parts) return tl::make_unexpected(parts.error());
    for (const std::string& part : *parts) {
      if (!part.starts_with(kAttachmentPrefix)) continue;
      const Result<std::optional<FileDescriptor>> program = find_pin(folder + "/" + part + "/program");
      if (!program) return tl::make_unexpected(program.error());
      if (!*program) continue;
      const Result<ProgramInfo> info = program_info((*program)->get());
      if (!info) return tl::make_unexpected(info.error());
      ids.insert(info->id);
    }
  }
  return ids;
}

/// Detaches what an attachment's folder has links for.
Result<void> detach_links(const std::string& folder) {
  // A link of netfilter does not tell whether it is attached still; its table does, so that is emptied first.
  const Result<std::optional<FileDescriptor>> table = find_pin(folder + "/chain");
  if (!table) return tl::make_unexpected(table.error());
  if (*table) {
    if (const Result<void> cleared = clear_chain((*table)->get(), 0); !cleared) return cleared;
  }
  const Result<std::vector<std::string>> names = names_in(folder);
  if (!names) return tl::make_unexpected(names.error());
  for (const std::string& name : *names) {
    if (!is_link_name(name)) continue;
    const Result<FileDescriptor> link = open_pin(folder + "/" + name);
    if (!link) return tl::make_unexpected(link.error());
    if (const Result<void> detached = detach_link(link->get()); !detached) return detached;
  }
  return {};
}

/// Ids of the links that are pinned in our folder.
Result<std::set<uint32_t>> pinned_links(const PinRoot& root) {
  std::set<uint32_t> ids;
  const auto add_folder = [&ids](const std::string& folder) -> Result<void> {
    const Result<std::vector<std::string>> names = names_in(folder);
    if (!names) return tl::make_unexpected(names.error());
    for (const std::string& name : *names) {
      if (!is_link_name(name)) continue;
      const Result<std::optional<FileDescriptor>> link = find_pin(folder + "/" + name);
      if (!link) return tl::make_unexpected(link.error());
      if (!*link) continue;
      const Result<LinkInfo> info = link_info((*link)->get());
      if (!info) return tl::make_unexpected(info.error());
      ids.insert(info->id);
    }
    return {};
  };
  const Result<std::vector<std::string>> filters = root.names();
  if (!filters) return tl::make_unexpected(filters.error());
  for (const std::string& filter : *filters) {
    const std::string folder = root.path_of(filter);
    if (const Result<void> added = add_folder(folder); !added) return tl::make_unexpected(added.error());
    const Result<std::vector<std::string>> parts = names_in(folder);
    if (!parts) return tl::make_unexpected(parts.error());
    for (const std::string& part : *parts) {
      if (!part.starts_with(kAttachmentPrefix)) continue;
      if (const Result<void> added = add_folder(folder + "/" + part); !added) return tl::make_unexpected(added.error());
    }
  }
  return ids;
}

/// By its name, and by the memory that only programs of ours have.
Result<bool> is_ours(const ProgramInfo& program) {
  if (program.name == kEntryName) return true;
  if (!program.name.starts_with("pl_")) return false;
  for (const uint32_t id : program.map_ids) {
    const Result<std::optional<FileDescriptor>> map = open_id(ObjectKind::kMap, id);
    if (!map) return tl::make_unexpected(map.error());
    if (!*map) continue;
    const Result<MapInfo> info = map_info((*map)->get());
    if (!info) return tl::make_unexpected(info.error());
    if (info->name == "memory" && info->value_size % PL_SLOT_SIZE == PL_MEMORY_PAD) return true;
  }
  return false;
}

/// Null: it is of no kind that any hook makes.
const Hook* hook_of(const LinkInfo& link) {
  const auto hooks = kernel_hooks();
  const auto found =
      std::ranges::find_if(hooks, [&link](const Hook* hook) { return hook->program().link == link.type; });
  return found == hooks.end() ? nullptr : *found;
}

}  // namespace

Result<std::vector<Stray>> find_strays(const PinRoot& root) {
  std::vector<Stray> strays;
  if (has_private_bpffs() || !has_capability(CAP_SYS_ADMIN)) return strays;
  const Result<std::set<uint32_t>> pinned = pinned_links(root);
  if (!pinned) return tl::make_unexpected(pinned.error());
  for (uint32_t last = 0;;) {
    const Result<uint32_t> id = next_id(ObjectKind::kLink, last);
    if (!id) return tl::make_unexpected(id.error());
    if (*id == 0) break;
    last = *id;
    if (pinned->contains(*id)) continue;
    const Result<std::optional<FileDescriptor>> link = open_id(ObjectKind::kLink, *id);
    if (!link) return tl::make_unexpected(link.error());
    if (!*link) continue;
    const Result<LinkInfo> info = link_info((*link)->get());
    if (!info) return tl::make_unexpected(info.error());
    const Hook* hook = hook_of(*info);
    if (hook == nullptr) continue;
    const Result<std::optional<FileDescriptor>> program = open_id(ObjectKind::kProgram, info->program_id);
    if (!program) return tl::make_unexpected(program.error());
    if (!*program) continue;
    const Result<ProgramInfo> what = program_info((*program)->get());
    if (!what) return tl::make_unexpected(what.error());
    const Result<bool> ours = is_ours(*what);
    if (!ours) return tl::make_unexpected(ours.error());
    if (*ours) strays.push_back({*id, what->name, fmt::format("{}, {}", hook->name(), hook->place_of(*info))});
  }
  return strays;
}

Result<void> sweep_chains(const PinRoot& root, const std::string& except) {
  const Result<std::set<uint32_t>> others = programs_but(root, except);
  if (!others) return tl::make_unexpected(others.error());
  return XdpChain::remove_programs(root, [&others](uint32_t id) { return !others->contains(id); });
}

Result<void> remove_filter(const PinRoot& root, const std::string& folder) {
  if (const Result<void> swept = sweep_chains(root, folder); !swept) return swept;
  const Result<std::vector<std::string>> names = names_in(folder);
  if (!names) return tl::make_unexpected(names.error());
  for (const std::string& name : *names) {
    if (!name.starts_with(kAttachmentPrefix)) continue;
    if (const Result<void> gone = detach_links(folder + "/" + name); !gone) return gone;
  }
  return remove_pins(folder);
}

Result<void> check_unused(const std::string& name, const std::string& folder) {
  const Result<std::vector<std::string>> names = names_in(folder);
  if (!names) return tl::make_unexpected(names.error());
  for (const std::string& part : *names) {
    if (!part.starts_with(kAttachmentPrefix)) continue;
    for (const Hook* hook : kernel_hooks()) {
      const Result<std::string> user = hook->user_of(folder + "/" + part);
      if (!user) return tl::make_unexpected(user.error());
      if (user->empty()) continue;
      return input_error(fmt::format("'{}' stays: it is used by {}", name, *user),
                         "remove that first: without the filter it cannot work");
    }
  }
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
    if (!names) return tl::make_unexpected(names.error());
    removal.names = *names;
    const Result<std::vector<std::string>> folders = root->names();
    if (!folders) return tl::make_unexpected(folders.error());
    for (const std::string& name : *folders) {
      if (is_chain_folder(name)) continue;
      const std::string folder = root->path_of(name);
      const Result<void> unused = check_unused(name, folder);
      note(unused ? remove_filter(*root, folder) : unused);
    }
    for (const std::string& name : *folders) {
      if (is_chain_folder(name)) note(XdpChain::destroy(root->path_of(name)));
    }
    root->remove_if_empty();
  }
  const Result<std::vector<Stray>> strays = find_strays(*before);
  if (!strays) return tl::make_unexpected(first ? strays.error() : first.error());
  for (const Stray& stray : *strays) {
    const Result<std::optional<FileDescriptor>> link = open_id(ObjectKind::kLink, stray.link_id);
    if (!link) {
      note(tl::make_unexpected(link.error()));
      continue;
    }
    if (!*link) continue;
    const Result<void> detached = detach_link((*link)->get());
    note(detached);
    if (detached) ++removal.strays;
  }
  if (!first) return tl::make_unexpected(first.error());
  return removal;
}

}  // namespace perilune::bpf
