// Network namespaces: entered by setns(2) for as long as a scope lasts, so that the mounts stay those of the caller
// (`ip netns exec` hides /sys).
#pragma once

#include <cstdint>
#include <functional>
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
  /// Nothing: what the path leads to is gone, or another user's, or not a network namespace.
  [[nodiscard]] static Result<std::optional<NamespaceScope>> try_path(const std::string& path);

  /// The number of the namespace that was entered (its inode), unique while it exists.
  [[nodiscard]] uint64_t inode() const { return inode_; }

 private:
  NamespaceScope(FileDescriptor back, uint64_t inode) : back_(std::move(back)), inode_(inode) {}
  [[nodiscard]] static Result<NamespaceScope> enter_opened(const FileDescriptor& target, const std::string& name,
                                                           int& code);

  FileDescriptor back_;  // invalid: nothing to undo
  uint64_t inode_ = 0;
};

/// The number of the namespace this thread is in.
[[nodiscard]] Result<uint64_t> current_namespace();
/// The names in /run/netns.
[[nodiscard]] Result<std::vector<std::string>> namespace_names();
/// How people call the namespace: empty for the current one, a name of /run/netns, or nothing when it has none.
[[nodiscard]] Result<std::optional<std::string>> namespace_name(uint64_t inode);

/// The number of the namespace that a name (as NamespaceScope::enter takes it) leads to; nothing: to none.
[[nodiscard]] Result<std::optional<uint64_t>> namespace_number(const std::string& name);
/// Is it the current namespace, or one with a name, or one of a process?
[[nodiscard]] Result<bool> is_visible(uint64_t inode);

/// Enters the namespaces that can be seen from here, each once: that with the number `first` before the others, then
/// the current one, those of /run/netns, those of processes; calls `visit` in each until it says true. The result tells
/// whether it did.
[[nodiscard]] Result<bool> visit_namespaces(uint64_t first, const std::function<Result<bool>(uint64_t inode)>& visit);

}  // namespace perilune::bpf
