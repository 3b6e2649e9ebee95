#include "bpf/xdp_chain.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>

#include "bpf/system_call.h"
#include "bpf/tiny_program.h"

namespace perilune::bpf {
namespace {

constexpr std::string_view kPrefix = "@xdp_";

std::string folder_of(const PinRoot& root, uint64_t netns, uint32_t ifindex) {
  return root.path_of(fmt::format("{}{}_{}", kPrefix, netns, ifindex));
}

/// An entry that jumps to the place behind `place` is pinned beside the table under this name while it fills `place`.
std::string skip_name(uint32_t place) {
  return fmt::format("skip_{}", place);
}

}  // namespace

bool is_chain_folder(std::string_view name) {
  return name.starts_with(kPrefix);
}

Result<XdpChain> XdpChain::open_folder(const std::string& folder, uint32_t ifindex) {
  XdpChain chain(folder, ifindex);
  Result<FileDescriptor> table = open_pin(folder + "/chain");
  if (!table) return tl::make_unexpected(table.error());
  Result<FileDescriptor> link = open_pin(folder + "/link");
  if (!link) return tl::make_unexpected(link.error());
  chain.table_ = std::move(*table);
  chain.link_ = std::move(*link);
  return chain;
}

Result<XdpChain> XdpChain::open(const PinRoot& root, uint64_t netns, uint32_t ifindex) {
  Result<XdpChain> chain = open_folder(folder_of(root, netns, ifindex), ifindex);
  if (!chain) return chain;
  const Result<LinkInfo> info = link_info(chain->link_.get());
  if (!info) return tl::make_unexpected(info.error());
  if (info->ifindex != ifindex) return system_error("the interface its XDP chain was attached to is gone");
  return chain;
}

Result<XdpChain> XdpChain::open_or_create(const PinRoot& root, uint64_t netns, uint32_t ifindex) {
  Result<XdpChain> present = open(root, netns, ifindex);
  if (present) return present;
  // What may be there has lost its interface (numbers are given again) or was never finished.
  XdpChain chain(folder_of(root, netns, ifindex), ifindex);
  if (const Result<void> gone = remove_pins(chain.path_); !gone) return tl::make_unexpected(gone.error());
  Result<FileDescriptor> table = create_chain();
  if (!table) return tl::make_unexpected(table.error());
  chain.table_ = std::move(*table);
  return chain;
}

bool XdpChain::is_entry(uint32_t place) const {
  const std::string path = path_ + "/" + skip_name(place);
  if (!is_pinned(path)) return false;
  const Result<FileDescriptor> skip = open_pin(path);
  const Result<ProgramInfo> info = skip ? program_info(skip->get()) : system_error("not open");
  return info && runs(place, info->id);
}

uint32_t XdpChain::free_place() const {
  uint32_t place = kChainLength;
  while (place > 0 && chain_program(table_.get(), place - 1) == 0)
    --place;
  return place;
}

Result<XdpLink> XdpChain::add(uint32_t place, int program, const std::string& interface) {
  if (place >= kChainLength) {
    return input_error(fmt::format("xdp:{} has {} filters already", interface, kChainLength),
                       "unload one: 'perilune list' shows them");
  }
  if (const Result<void> set = set_chain(table_.get(), place, program); !set) return tl::make_unexpected(set.error());
  if (link_) return XdpLink{FileDescriptor(), present_xdp_mode(ifindex_), {}};

  Result<FileDescriptor> entry = load_entry(ProgramType::kXdp, table_.get(), 0);
  if (!entry) return tl::make_unexpected(entry.error());
  Result<XdpLink> link = attach_xdp(entry->get(), ifindex_, interface);
  if (!link) return link;
  link_ = std::move(link->fd);
  for (const Result<void>& done :
       {make_folder(path_), pin(table_.get(), path_ + "/chain"), pin(link_.get(), path_ + "/link")}) {
    if (done) continue;
    (void)remove_pins(path_);
    return tl::make_unexpected(done.error());
  }
  return XdpLink{FileDescriptor(), link->mode, std::move(link->why_generic)};
}

Result<void> XdpChain::replace(uint32_t place, int program) {
  return set_chain(table_.get(), place, program);
}

bool XdpChain::runs(uint32_t place, uint32_t program_id) const {
  return chain_program(table_.get(), place) == program_id;
}

uint32_t XdpChain::entry_id() const {
  const Result<LinkInfo> info = link_info(link_.get());
  return info ? info->program_id : 0;
}

Result<void> XdpChain::remove(uint32_t place, uint32_t program_id) {
  if (!runs(place, program_id)) return {};
  if (place + 1 < free_place()) {
    Result<FileDescriptor> skip = load_entry(ProgramType::kXdp, table_.get(), place + 1);
    if (!skip) return tl::make_unexpected(skip.error());
    // The pin first: who is interrupted before the place has it is not done, and begins again.
    const std::string path = path_ + "/" + skip_name(place);
    if (const Result<void> gone = remove_pins(path); !gone) return gone;
    if (const Result<void> pinned = pin(skip->get(), path); !pinned) return pinned;
    return set_chain(table_.get(), place, skip->get());
  }
  if (const Result<void> cleared = clear_chain(table_.get(), place); !cleared) return cleared;
  // Places that only jump on are not needed at the end.
  for (uint32_t last = place; last > 0 && is_entry(last - 1); --last) {
    if (const Result<void> cleared = clear_chain(table_.get(), last - 1); !cleared) return cleared;
    if (const Result<void> gone = remove_pins(path_ + "/" + skip_name(last - 1)); !gone) return gone;
  }
  return remove_if_empty();
}

Result<void> XdpChain::remove_if_empty() {
  if (free_place() != 0) return {};
  if (link_) {
    if (const Result<void> detached = detach_link(link_.get()); !detached) return detached;
  }
  return remove_pins(path_);
}

Result<void> XdpChain::remove_program(const std::string& folder, uint32_t program_id) {
  // Half made, or half removed by who was interrupted then: without a link nothing runs.
  if (!is_pinned(folder + "/chain") || !is_pinned(folder + "/link")) return remove_pins(folder);
  Result<XdpChain> chain = open_folder(folder, 0);
  if (!chain) return tl::make_unexpected(chain.error());
  for (uint32_t place = 0; place < kChainLength; ++place) {
    if (chain->runs(place, program_id)) return chain->remove(place, program_id);
  }
  return chain->remove_if_empty();
}

Result<void> XdpChain::destroy(const std::string& folder) {
  if (is_pinned(folder + "/link")) {
    const Result<FileDescriptor> link = open_pin(folder + "/link");
    if (!link) return tl::make_unexpected(link.error());
    if (const Result<void> detached = detach_link(link->get()); !detached) return detached;
  }
  return remove_pins(folder);
}

XdpMode present_xdp_mode(uint32_t ifindex) {
  bpf_xdp_query_opts options{};
  options.sz = sizeof options;
  if (bpf_xdp_query(static_cast<int>(ifindex), 0, &options) != 0) return XdpMode::kNone;
  if (options.attach_mode == XDP_ATTACHED_DRV) return XdpMode::kNative;
  return options.attach_mode == XDP_ATTACHED_SKB ? XdpMode::kGeneric : XdpMode::kNone;
}

}  // namespace perilune::bpf
