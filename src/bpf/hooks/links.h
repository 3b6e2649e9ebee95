// What hooks share whose attachments are held by pinned links: "link", or one for each family of addresses.
#pragma once

#include <string>
#include <vector>

#include "bpf/hook.h"

namespace perilune::bpf {

struct NamedLink {
  std::string name;  // of its pin
  FileDescriptor fd;
};

/// The links among an attachment's pins, and what the kernel says of the first.
struct FoundLinks {
  std::vector<NamedLink> links;
  std::optional<LinkInfo> first;
};
[[nodiscard]] Result<FoundLinks> find_links(const std::string& folder, std::span<const char* const> names);
[[nodiscard]] Result<void> pin_links(const std::vector<NamedLink>& links, const std::string& folder);

/// One link, whose program is replaced in place.
class LinkPlacement : public Placement {
 public:
  [[nodiscard]] Result<void> put(const Attachment& record, int program) override;
  [[nodiscard]] Result<void> pin(const std::string& folder) const override;

 protected:
  void hold(FileDescriptor link) { links_.push_back({"link", std::move(link)}); }
  void hold(std::vector<NamedLink> links) { links_ = std::move(links); }

 private:
  std::vector<NamedLink> links_;
};

/// What holds such an attachment. `Kind` is the hook's placement, which takes the links over.
template <typename Kind>
[[nodiscard]] Result<Held> find_link_placement(const std::string& folder) {
  constexpr std::array<const char*, 1> kNames{"link"};
  Result<FoundLinks> found = find_links(folder, kNames);
  if (!found) return tl::make_unexpected(found.error());
  Held held;
  if (!found->first) return held;
  held.running = found->first->program_id;
  held.link = found->first;
  held.placement = std::make_unique<Kind>(std::move(found->links));
  return held;
}

}  // namespace perilune::bpf
