#include "bpf/hooks/xdp_chain.h"

#include <linux/bpf.h>
#include <linux/if_link.h>

#include "bpf/hook.h"
#include "bpf/tiny_program.h"

namespace perilune::bpf {
namespace {

constexpr std::string_view kPrefix = "@xdp_";

/// Entries that jump to the place after `place` are pinned beside the table under this name while they fill `place`.
std::string skip_name(uint32_t place) {
  return fmt::format("skip_{}", place);
}

}  // namespace

bool is_chain_folder(std::string_view name) {
  return name.starts_with(kPrefix);
}

Result<std::optional<XdpChain>> XdpChain::open(const std::string& folder) {
  XdpChain chain(folder);
  for (const auto& [name, fd] : {std::pair("/chain", &chain.table_), std::pair("/link", &chain.link_)}) {
    Result<std::optional<FileDescriptor>> found = find_pin(folder + name);
    if (!found) return tl::make_unexpected(found.error());
    if (!*found) return std::optional<XdpChain>();
    *fd = std::move(**found);
  }
  return std::optional<XdpChain>(std::move(chain));
}

Result<void> XdpChain::each(const PinRoot& root, const std::function<Result<bool>(XdpChain& chain)>& visit,
                            const std::function<Result<void>(const std::string& folder)>& visit_broken) {
  const Result<std::vector<std::string>> names = root.names();
  if (!names) return tl::make_unexpected(names.error());
  for (const std::string& name : *names) {
    if (!is_chain_folder(name)) continue;
    const std::string folder = root.path_of(name);
    Result<std::optional<XdpChain>> chain = open(folder);
    if (!chain) return tl::make_unexpected(chain.error());
    if (!*chain) {
      if (!visit_broken) continue;
      if (const Result<void> visited = visit_broken(folder); !visited) return visited;
      continue;
    }
    const Result<bool> done = visit(**chain);
    if (!done) return tl::make_unexpected(done.error());
    if (*done) break;
  }
  return {};
}

Result<std::optional<XdpChain>> XdpChain::at(const PinRoot& root, const Interface& interface) {
  std::optional<XdpChain> found;
  if (interface.xdp_program == 0) return found;
  const Result<void> done = each(root, [&](XdpChain& chain) -> Result<bool> {
    const Result<LinkInfo> link = chain.link();
    if (!link) return tl::make_unexpected(link.error());
    // No two chains have the same entry, so the index need not be compared.
    if (link->program_id != interface.xdp_program || link->of.device.ifindex == 0) return false;
    found = std::move(chain);
    return true;
  });
  if (!done) return tl::make_unexpected(done.error());
  return found;
}

Result<XdpChain> XdpChain::at_or_new(const PinRoot& root, const Interface& interface) {
  Result<std::optional<XdpChain>> present = at(root, interface);
  if (!present) return tl::make_unexpected(present.error());
  if (*present) return std::move(**present);
  XdpChain chain{std::string()};
  Result<FileDescriptor> table = create_chain();
  if (!table) return tl::make_unexpected(table.error());
  chain.table_ = std::move(*table);
  return chain;
}

Result<std::optional<XdpChain>> XdpChain::of_program(const PinRoot& root, uint32_t program_id, uint32_t place) {
  std::optional<XdpChain> found;
  const Result<void> done = each(root, [&](XdpChain& chain) -> Result<bool> {
    const Result<uint32_t> there = chain.program_at(place);
    if (!there) return tl::make_unexpected(there.error());
    if (*there != program_id) return false;
    found = std::move(chain);
    return true;
  });
  if (!done) return tl::make_unexpected(done.error());
  return found;
}

Result<uint32_t> XdpChain::program_at(uint32_t place) const {
  if (place >= kChainLength) return 0U;
  return chain_program(table_.get(), place);
}

Result<bool> XdpChain::only_jumps_on(uint32_t place) const {
  const Result<std::optional<FileDescriptor>> skip = find_pin(path_ + "/" + skip_name(place));
  if (!skip) return tl::make_unexpected(skip.error());
  if (!*skip) return false;
  const Result<ProgramInfo> info = program_info((*skip)->get());
  if (!info) return tl::make_unexpected(info.error());
  const Result<uint32_t> there = program_at(place);
  if (!there) return tl::make_unexpected(there.error());
  return *there == info->id;
}

Result<uint32_t> XdpChain::free_place() const {
  for (uint32_t place = kChainLength; place > 0; --place) {
    const Result<uint32_t> there = program_at(place - 1);
    if (!there) return tl::make_unexpected(there.error());
    if (*there != 0) return place;
  }
  return 0U;
}

Result<XdpLink> XdpChain::add(const PinRoot& root, uint32_t place, int program, const Interface& interface) {
  if (place >= kChainLength) {
    return input_error(fmt::format("xdp:{} has {} filters already", interface.name, kChainLength),
                       "unload one: 'perilune list' shows them");
  }
  if (link_) {
    if (const Result<void> set = replace(place, program); !set) return tl::make_unexpected(set.error());
    return XdpLink{FileDescriptor(), xdp_mode(interface), {}};
  }
  // No other process knows the table yet: what fails from here on ends with the descriptors.
  if (const Result<void> set = replace(place, program); !set) return tl::make_unexpected(set.error());
  Result<FileDescriptor> entry = load_entry(xdp_programs(), table_.get(), 0);
  if (!entry) return tl::make_unexpected(entry.error());
  Result<XdpLink> link = attach_xdp(entry->get(), interface.index, interface.name);
  if (!link) return link;
  const Result<LinkInfo> info = link_info(link->fd.get());
  if (!info) return tl::make_unexpected(info.error());
  path_ = root.path_of(fmt::format("{}{}", kPrefix, info->id));
  link_ = std::move(link->fd);
  // The link last: a folder without one is not a chain yet.
  Result<void> done = make_folder(path_);
  if (done) done = pin(table_.get(), path_ + "/chain");
  if (done) done = pin(link_.get(), path_ + "/link");
  if (!done) {
    (void)remove_pins(path_);
    return tl::make_unexpected(done.error());
  }
  return XdpLink{FileDescriptor(), link->mode, std::move(link->why_generic)};
}

Result<void> XdpChain::replace(uint32_t place, int program) {
  return set_chain(table_.get(), place, program);
}

Result<void> XdpChain::remove(uint32_t place) {
  const Result<uint32_t> end = free_place();
  if (!end) return tl::make_unexpected(end.error());
  const std::string path = path_ + "/" + skip_name(place);
  if (place + 1 < *end) {
    const Result<FileDescriptor> skip = load_entry(xdp_programs(), table_.get(), place + 1);
    if (!skip) return tl::make_unexpected(skip.error());
    // The pin first: who is interrupted before the place has it is not done, and begins again.
    if (const Result<void> gone = remove_pins(path); !gone) return gone;
    if (const Result<void> pinned = pin(skip->get(), path); !pinned) return pinned;
    return replace(place, skip->get());
  }
  if (const Result<void> cleared = clear_chain(table_.get(), place); !cleared) return cleared;
  return remove_pins(path);
}

Result<void> XdpChain::remove_if_empty() {
  // Places that only jump on are not needed at the end.
  for (;;) {
    const Result<uint32_t> end = free_place();
    if (!end) return tl::make_unexpected(end.error());
    if (*end == 0) break;
    const Result<bool> needless = only_jumps_on(*end - 1);
    if (!needless) return tl::make_unexpected(needless.error());
    if (!*needless) return {};
    if (const Result<void> removed = remove(*end - 1); !removed) return removed;
  }
  if (const Result<void> detached = detach_link(link_.get()); !detached) return detached;
  return remove_pins(path_);
}

Result<void> XdpChain::remove_programs(const std::function<bool(uint32_t program_id)>& unwanted) {
  for (uint32_t place = 0; place < kChainLength; ++place) {
    const Result<uint32_t> there = program_at(place);
    if (!there) return tl::make_unexpected(there.error());
    if (*there == 0 || !unwanted(*there)) continue;
    const Result<bool> needed = only_jumps_on(place);
    if (!needed) return tl::make_unexpected(needed.error());
    if (*needed) continue;
    if (const Result<void> removed = remove(place); !removed) return removed;
  }
  return remove_if_empty();
}

Result<void> XdpChain::remove_programs(const PinRoot& root, const std::function<bool(uint32_t program_id)>& unwanted) {
  return each(
      root,
      [&unwanted](XdpChain& chain) -> Result<bool> {
        if (const Result<void> removed = chain.remove_programs(unwanted); !removed)
          return tl::make_unexpected(removed.error());
        return false;
      },
      [](const std::string& folder) { return remove_pins(folder); });  // without a link nothing runs
}

Result<void> XdpChain::destroy(const std::string& folder) {
  const Result<std::optional<FileDescriptor>> link = find_pin(folder + "/link");
  if (!link) return tl::make_unexpected(link.error());
  if (*link) {
    if (const Result<void> detached = detach_link((*link)->get()); !detached) return detached;
  }
  return remove_pins(folder);
}

XdpMode xdp_mode(const Interface& interface) {
  switch (interface.xdp_attached) {
    case XDP_ATTACHED_DRV:
      return XdpMode::kNative;
    case XDP_ATTACHED_SKB:
      return XdpMode::kGeneric;
    default:
      return XdpMode::kNone;
  }
}

}  // namespace perilune::bpf
