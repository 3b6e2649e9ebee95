// What keeps filters in the kernel when no process does: pins, file names in the bpf file system.
//
//   /sys/fs/bpf/perilune/NAME/manifest        what was loaded: see manifest.h
//   /sys/fs/bpf/perilune/NAME/map_N           the script's maps, in the order of the manifest
//   /sys/fs/bpf/perilune/NAME/at_N/...        each attachment: program, memory, events, tables, links, chain
//   /sys/fs/bpf/perilune/NAME@new/...         being loaded, or left over from an interrupted load
//   /sys/fs/bpf/perilune/@xdp_NETNS_IFINDEX/  the chain of filters at an interface's XDP hook: link, chain
//
// Names have no dots: bpffs keeps those for itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace perilune::bpf {

/// The folder of all our pins, locked against other processes of ours while the object lives.
class PinRoot {
 public:
  /// For changing things: mounts bpffs and makes the folder where they are missing and this process may; else the
  /// error says how to. Waits for its turn.
  [[nodiscard]] static Result<PinRoot> open_for_change();
  /// For looking: neither is made; exists() is false when there is nothing of ours.
  [[nodiscard]] static Result<PinRoot> open_for_reading();

  [[nodiscard]] bool exists() const { return !path_.empty(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path_of(std::string_view name) const { return path_ + "/" + std::string(name); }
  /// Everything in the folder, sorted.
  [[nodiscard]] std::vector<std::string> names() const;
  /// bpffs was not mounted and is now.
  [[nodiscard]] bool mounted() const { return mounted_; }
  /// Takes the folder itself away when it is empty.
  void remove_if_empty();

 private:
  std::string path_;
  FileDescriptor lock_;
  bool mounted_ = false;
};

/// The environment variable PERILUNE_BPFFS names another bpf file system than the machine's: for tests, which then see
/// and change nothing but what is there.
[[nodiscard]] bool has_private_bpffs();

/// Letters, digits, '-' and '_', at most 60, not beginning with '-'.
[[nodiscard]] Result<void> check_filter_name(std::string_view name);

[[nodiscard]] Result<void> make_folder(const std::string& path);
[[nodiscard]] Result<void> pin(int fd, const std::string& path);
[[nodiscard]] bool is_pinned(const std::string& path);
[[nodiscard]] Result<FileDescriptor> open_pin(const std::string& path);
/// Replaces nothing: `to` must not exist.
[[nodiscard]] Result<void> rename_pin(const std::string& from, const std::string& to);
/// Both must exist; afterwards each has the other's name, with no moment in between.
[[nodiscard]] Result<void> exchange_pins(const std::string& one, const std::string& other);
/// A pin or a folder with all that is in it; none there is fine.
[[nodiscard]] Result<void> remove_pins(const std::string& path);
/// Names in a folder, sorted; none when there is no such folder.
[[nodiscard]] std::vector<std::string> names_in(const std::string& path);

}  // namespace perilune::bpf
