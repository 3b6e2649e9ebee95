// Network namespaces: entered by setns(2) for as long as a scope lasts, so that the mounts stay those of the caller
// (`ip netns exec` hides bpffs behind a fresh /sys).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace perilune::bpf {

/// While it lives, this thread is in the namespace; then it is back where it was. Threads started meanwhile stay there.
class NamespaceScope {
 public:
  NamespaceScope(NamespaceScope&&) noexcept = default;
  NamespaceScope& operator=(NamespaceScope&&) = delete;
  NamespaceScope(const NamespaceScope&) = delete;
  NamespaceScope& operator=(const NamespaceScope&) = delete;
  ~NamespaceScope();

  /// `name`: of /run/netns, a process id, or a path with a slash; empty: stays here. An unknown name is the user's
  /// fault and lists those there are.
  [[nodiscard]] static Result<NamespaceScope> enter(const std::string& name);
  /// Wherever the namespace with this number may be seen: this one, /run/netns, /proc. Nothing: it cannot be seen.
  [[nodiscard]] static std::optional<NamespaceScope> enter(uint64_t inode);

  /// The number of the namespace that was entered (its inode), unique while it exists.
  [[nodiscard]] uint64_t inode() const { return inode_; }

 private:
  NamespaceScope(FileDescriptor back, uint64_t inode) : back_(std::move(back)), inode_(inode) {}
  [[nodiscard]] static Result<NamespaceScope> enter_path(const std::string& path, const std::string& name);

  FileDescriptor back_;  // invalid: nothing to undo
  uint64_t inode_ = 0;
};

/// The number of the namespace this thread is in; 0 when /proc cannot be read.
[[nodiscard]] uint64_t current_namespace();
/// The names in /run/netns.
[[nodiscard]] std::vector<std::string> namespace_names();
/// How people call the namespace: empty for the current one, a name of /run/netns, or nothing when it has none.
[[nodiscard]] std::optional<std::string> namespace_name(uint64_t inode);

}  // namespace perilune::bpf
