// What keeps filters in the kernel when no process does: pins, file names in a bpf file system of our own.
//
//   /run/perilune/bpf/NAME/manifest      what was loaded: see manifest.h
//   /run/perilune/bpf/NAME/map_N         the script's maps, in the order of the manifest
//   /run/perilune/bpf/NAME/at_N/...      each attachment: program, memory, events, tables, links, chain, see
//   preparation.h /run/perilune/bpf/NAME@new/...       being loaded, or left over from an interrupted load or reload
//   /run/perilune/bpf/@xdp_N/            a chain of filters at an interface's XDP hook: link, chain, see xdp_chain.h
//
// Names have no dots: the bpf file system keeps those for itself.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_descriptor.h"
#include "base/files.h"
#include "base/result.h"

namespace perilune::bpf {

/// What is behind a filter's name while it is being loaded or replaced.
inline constexpr std::string_view kUnfinished = "@new";

/// The folder of all our pins (see pin_root.cpp for where it is), locked against other processes of ours when it was
/// opened for changing things, as long as the object lives.
///
/// It must be ours alone: owned by the user who runs this process, closed to others, not reached by a symbolic link.
/// Anybody else who could write there could rename filters away or hold the lock forever.
class PinRoot {
 public:
  /// For changing things: mounts the file system and makes the folder where they are missing and this process may; else
  /// the error says how to. Waits for its turn, with a limit; the error says who holds the lock.
  [[nodiscard]] static Result<PinRoot> open_for_change();
  /// For looking: neither is made; exists() is false when there is nothing of ours.
  [[nodiscard]] static Result<PinRoot> open_for_reading();

  [[nodiscard]] bool exists() const { return !path_.empty(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path_of(std::string_view name) const { return path_ + "/" + std::string(name); }
  /// Everything in the folder, sorted.
  [[nodiscard]] Result<std::vector<std::string>> names() const;
  /// Does another process hold the lock?
  [[nodiscard]] Result<bool> is_being_changed() const;
  /// Takes the folder itself away when it is empty.
  void remove_if_empty();

 private:
  std::string path_;
  FileDescriptor lock_;
};

/// `tell` is called when the lock is waited for longer than a second; `holder` is who has it, such as "process 123
/// (perilune reload ssh)".
void tell_who_is_waited_for(std::function<void(const std::string& holder)> tell);

/// The environment variable PERILUNE_BPFFS names another bpf file system than the machine's: for tests, which then see
/// and change nothing but what is there, and for users without root's rights who have one of their own.
[[nodiscard]] bool has_private_bpffs();

/// Letters, digits, '-' and '_', at most 60, not beginning with '-'.
[[nodiscard]] Result<void> check_filter_name(std::string_view name);

[[nodiscard]] Result<void> make_folder(const std::string& path);
[[nodiscard]] Result<void> pin(int fd, const std::string& path);
[[nodiscard]] Result<FileDescriptor> open_pin(const std::string& path);
/// Nothing: there is no such pin.
[[nodiscard]] Result<std::optional<FileDescriptor>> find_pin(const std::string& path);
/// Replaces nothing: `to` must not exist.
[[nodiscard]] Result<void> rename_pin(const std::string& from, const std::string& to);
/// Both must exist; afterwards each has the other's name, with no moment in between.
[[nodiscard]] Result<void> exchange_pins(const std::string& one, const std::string& other);
/// A pin or a folder with all that is in it; none there is fine.
[[nodiscard]] Result<void> remove_pins(const std::string& path);

}  // namespace perilune::bpf
