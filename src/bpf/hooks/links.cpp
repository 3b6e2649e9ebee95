#include "bpf/hooks/links.h"

#include "bpf/attach.h"

namespace perilune::bpf {

Result<FoundLinks> find_links(const std::string& folder, std::span<const char* const> names) {
  FoundLinks found;
  for (const char* name : names) {
    Result<std::optional<FileDescriptor>> link = find_pin(folder + "/" + name);
    if (!link) return tl::make_unexpected(link.error());
    if (!*link) continue;
    const Result<LinkInfo> info = link_info((*link)->get());
    if (!info) return tl::make_unexpected(info.error());
    if (!found.first) found.first = *info;
    found.links.push_back({name, std::move(**link)});
  }
  return found;
}

Result<void> pin_links(const std::vector<NamedLink>& links, const std::string& folder) {
  for (const NamedLink& link : links) {
    if (const Result<void> done = pin(link.fd.get(), folder + "/" + link.name); !done) return done;
  }
  return {};
}

Result<void> LinkPlacement::put(const Attachment& /*record*/, int program) {
  return update_link(links_.front().fd.get(), program);
}

Result<void> LinkPlacement::pin(const std::string& folder) const {
  return pin_links(links_, folder);
}

}  // namespace perilune::bpf
