// Filters that stay in the kernel: loaded under a name, replaced, taken out again. Several hooks at once are all or
// nothing, and what fails leaves everything as it was.
//
// One process of ours at a time changes things (the folder of pins is locked); packets meet the old state or the new
// one of a hook, never something in between.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/features.h"
#include "bpf/manifest.h"
#include "bpf/pins.h"
#include "ir/code.h"

namespace perilune::bpf {

struct Installation {
  std::string name;
  std::string script;  // path, absolute
  std::string text;
  FilterOptions options;
  uint64_t compile_ns = 0;
  std::vector<ir::Image> images;  // one for each point, or each attachment there is: compiled for that hook
};

struct Installed {
  Manifest manifest;
  std::vector<std::string> places;  // of Manifest::attachments, as people write them now
  std::vector<std::string> usages;  // likewise: what to type where the user has to attach it, see Hook::usage()
  std::vector<std::string> notes;   // what the user should know: a whole sentence each, without a full stop
};

/// Loads and attaches. `verifier_log` gets the verifier's words when it refuses a program.
[[nodiscard]] Result<Installed> install(const Installation& installation, const std::vector<AttachPoint>& points,
                                        const Features& features, std::string* verifier_log = nullptr);

/// Puts another program in the place of one that is loaded, at all its hooks. Maps that are declared alike stay as they
/// are, with what the new script's main chunk writes added where the key is new; the notes name those that do not.
/// Counters go on.
[[nodiscard]] Result<Installed> replace(const Installation& installation, std::string* verifier_log = nullptr);

/// The manifest of a filter that is loaded. An unknown name is the user's fault; the hint has those there are.
[[nodiscard]] Result<Manifest> find_manifest(const std::string& name);
/// Names of filters that are loaded, those whose loading was interrupted included.
[[nodiscard]] Result<std::vector<std::string>> installed_names();

/// Takes out of the XDP chains what is in no filter's folder but `except`, and chains that this leaves empty.
[[nodiscard]] Result<void> sweep_chains(const PinRoot& root, const std::string& except);
/// Takes what a filter's folder, or that of an unfinished load, has pinned out of the hooks, and then the pins.
[[nodiscard]] Result<void> remove_filter(const PinRoot& root, const std::string& folder);

/// Does something of the user's own, such as a rule of iptables, need what this folder has pinned? Then the error names
/// it, and the filter `name` stays.
[[nodiscard]] Result<void> check_unused(const std::string& name, const std::string& folder);

/// Takes a filter out: attachments, programs, maps, pins; whatever is left of it. Not while it is used.
[[nodiscard]] Result<void> uninstall(const std::string& name);

struct Removal {
  std::vector<std::string> names;  // filters that were loaded
  uint32_t strays = 0;             // links of ours that were not pinned where ours are
};
/// Everything of ours, in every namespace. Goes on after what cannot be removed; the first such error is the result.
[[nodiscard]] Result<Removal> uninstall_all();

/// A link of ours that is not pinned in our folder: made by a process that is still at it, or pinned in another bpf
/// file system.
struct Stray {
  uint32_t link_id = 0;
  std::string program;
  std::string where;  // "tc, interface 4"
};
/// Needs CAP_SYS_ADMIN; without it there are none.
[[nodiscard]] Result<std::vector<Stray>> find_strays(const PinRoot& root);

/// The kernel's name for a filter's program.
[[nodiscard]] std::string program_name(const std::string& filter);

}  // namespace perilune::bpf
