#include "bpf/installation.h"

#include <algorithm>
#include <new>

#include <linux/bpf.h>

#include "base/realtime.h"
#include "base/spelling.h"
#include "bpf/counters.h"
#include "bpf/hook.h"
#include "bpf/new_entries.h"
#include "bpf/pinned_maps.h"
#include "bpf/preparation.h"
#include "bpf/successor.h"
#include "bpf/system_call.h"

namespace perilune::bpf {
namespace {

Manifest describe(const Installation& installation) {
  Manifest manifest;
  manifest.name = installation.name;
  manifest.script = installation.script;
  manifest.text = installation.text;
  manifest.time_ns = realtime_ns();
  manifest.first_time_ns = manifest.time_ns;
  manifest.compile_ns = installation.compile_ns;
  manifest.options = installation.options;
  return manifest;
}

std::string attachment_folder(const std::string& folder, size_t index) {
  return fmt::format("{}/at_{}", folder, index);
}

/// Everything of a filter but its attachments' own.
Result<void> pin_shared(const std::string& folder, const Manifest& manifest, const LoadedProgram& program) {
  for (size_t i = 0; i < program.maps.size(); ++i) {
    if (const Result<void> done = pin(program.maps[i].fd(), fmt::format("{}/map_{}", folder, i)); !done) return done;
  }
  const Result<Map> stored = store(manifest);
  if (!stored) return tl::make_unexpected(stored.error());
  return pin(stored->fd(), folder + "/manifest");
}

std::vector<MapDeclaration> declarations(const ir::Image& image) {
  std::vector<MapDeclaration> list;
  for (const ir::MapSpec& map : image.maps)
    list.push_back({map.name, map.type, map.key_size, map.value_size, map.entries, map.declared});
  return list;
}

/// The maps that all attachments of a filter share: those of its first program, which was made from `image`.
std::vector<ReusableMap> shared_maps(const LoadedProgram& program, const ir::Image& image) {
  std::vector<ReusableMap> shared;
  for (size_t i = 0; i < program.maps.size(); ++i)
    shared.push_back({&program.maps[i], image.maps[i].name, image.maps[i].declared});
  return shared;
}

/// What becomes of maps that the new script does not take over from the old one.
std::vector<std::string> lost_maps(const Manifest& old, const ir::Image& image, const LoadedProgram& program) {
  std::vector<std::string> notes;
  for (const MapDeclaration& map : old.maps) {
    const auto spec = std::ranges::find(image.maps, map.name, &ir::MapSpec::name);
    if (spec == image.maps.end()) {
      notes.push_back(fmt::format("map '{}' is not used any more: its entries are gone", map.name));
      continue;
    }
    if (program.reused[static_cast<size_t>(spec - image.maps.begin())]) continue;
    std::string_view why = "is declared differently now";
    if (map.declared.empty()) why = "was loaded by an older perilune, which did not note how it is declared";
    if (map.declared == spec->declared) why = "is laid out differently by this perilune";
    notes.push_back(fmt::format("map '{}' {}: it starts {}", map.name, why,
                                spec->initial.empty() ? "empty" : "with what the main chunk writes"));
  }
  return notes;
}

Result<std::vector<std::string>> names_of(const PinRoot& root) {
  Result<std::vector<std::string>> all = root.names();
  if (!all) return all;
  std::vector<std::string> names;
  for (std::string& name : *all) {
    if (name.ends_with(kUnfinished)) name.resize(name.size() - kUnfinished.size());
    if (!check_filter_name(name)) continue;
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  return names;
}

tl::unexpected<Error> unknown_name(const PinRoot& root, const std::string& name) {
  const Result<std::vector<std::string>> names = names_of(root);
  if (!names) return tl::make_unexpected(names.error());
  const std::string meant = did_you_mean(name, *names);
  std::string hint = "nothing is loaded: perilune load NAME SCRIPT --at HOOK";
  if (!meant.empty()) {
    hint = meant + " 'perilune list' shows what is loaded";
  } else if (!names->empty()) {
    hint = fmt::format("there are: {}", fmt::join(*names, ", "));
  }
  return input_error(fmt::format("no filter is loaded as '{}'", name), hint);
}

Result<Manifest> manifest_in(const std::string& folder) {
  Result<FileDescriptor> fd = open_pin(folder + "/manifest");
  if (!fd) return tl::make_unexpected(fd.error());
  const Result<Map> map = Map::adopt(std::move(*fd));
  if (!map) return tl::make_unexpected(map.error());
  return read_manifest(*map);
}

/// What the script asks for and does not get there.
void note_limits(const ir::Image& image, const AttachPoint& point, const std::string& place,
                 std::vector<std::string>& notes) {
  if (image.rejects && !point.hook->target(point).answers)
    notes.push_back(fmt::format("at {} a 'reject' only drops: nothing can be sent from there", place));
  if (image.replies && !point.hook->target(point).writes)
    notes.push_back(fmt::format("at {} a 'reply' only drops: nothing can be sent from there", place));
  if (!image.misses_frame) return;
  notes.push_back(
      fmt::format("at {} there are no frames: pkt.frame, pkt.vlan and pkt.ethertype, of which the script "
                  "uses one, are nil",
                  place));
}

void add_usages(Installed& installed, const std::string& folder) {
  const std::vector<Attachment>& attachments = installed.manifest.attachments;
  for (size_t i = 0; i < attachments.size(); ++i)
    installed.usages.push_back(attachments[i].point.hook->usage(attachments[i].point, attachment_folder(folder, i)));
}

/// Loads for every point, pins into `folder`, attaches.
Result<Installed> build(const PinRoot& root, const Installation& installation, const std::vector<AttachPoint>& points,
                        const std::string& folder, std::vector<Preparation>& prepared, std::string* verifier_log) {
  Installed installed{describe(installation), {}, {}, {}};
  installed.manifest.maps = declarations(installation.images.front());
  prepared.reserve(points.size());  // shared_maps() points into it
  for (size_t i = 0; i < points.size(); ++i) {
    const std::vector<ReusableMap> shared = prepared.empty()
                                                ? std::vector<ReusableMap>()
                                                : shared_maps(prepared.front().program(), installation.images.front());
    Result<Preparation> one =
        Preparation::make(root, installation, installation.images[i], points[i], shared, verifier_log);
    if (!one) return tl::make_unexpected(one.error());
    for (const Preparation& other : prepared) {
      if (one->same_place(other)) return input_error(fmt::format("{} is named twice", to_string(points[i])));
    }
    prepared.push_back(std::move(*one));
  }
  if (const Result<void> made = make_folder(folder); !made) return tl::make_unexpected(made.error());
  for (size_t i = 0; i < prepared.size(); ++i) {
    const std::string place = attachment_folder(folder, i);
    Result<void> done = prepared[i].pin_program(place);
    if (done) done = prepared[i].attach(root, installation.images[i], installed.notes);
    if (done) done = prepared[i].pin_links(place);
    if (!done) return tl::make_unexpected(done.error());
    installed.manifest.attachments.push_back(prepared[i].record());
    installed.places.push_back(prepared[i].place());
    note_limits(installation.images[i], points[i], prepared[i].place(), installed.notes);
  }
  const Result<void> pinned = pin_shared(folder, installed.manifest, prepared.front().program());
  if (!pinned) return tl::make_unexpected(pinned.error());
  return installed;
}

/// The result of `work`. When memory runs out in the middle of it (std::bad_alloc), `undo` takes back what was begun,
/// as the code that was left would have done; memory is there again by then.
template <typename Work, typename Undo>
auto taken_back_without_memory(Work work, Undo undo) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    undo();
    throw;
  }
}

/// A reload that was interrupted may have given some attachments their new programs: the old ones return. One that had
/// come to its end may have left the old counters apart.
Result<void> undo_interrupted(const PinRoot& root, const Manifest& old, const std::string& folder) {
  const std::string unfinished = folder + std::string(kUnfinished);
  bool has_successor = false;
  for (size_t i = 0; i < old.attachments.size(); ++i) {
    const std::string place = attachment_folder(folder, i);
    const Result<std::optional<Successor>> successor = find_successor(folder, i);
    if (!successor) return tl::make_unexpected(successor.error());
    if (*successor) {
      has_successor = true;
      const Result<void> undone = Preparation::take_back(root, old.attachments[i], place, (*successor)->program_id);
      if (!undone) return undone;
    }
    if (const Result<void> settled = settle_counters(place); !settled) return settled;
  }
  if (has_successor) {
    if (const Result<void> undone = NewEntries::undo(folder, unfinished); !undone) return undone;
  }
  return remove_pins(unfinished);
}

/// What was swapped in returns to what was there before; the first failure is the result.
Result<void> swap_back(std::vector<Preparation>& successors, size_t count) {
  Result<void> first;
  for (size_t i = count; i > 0; --i) {
    const Result<void> done = successors[i - 1].swap_back();
    if (!done && first) first = done;
  }
  return first;
}

/// Every attachment gets its new program, and the new pins their name; or nothing changes. `stuck`: what failed cannot
/// be undone either, so the new pins must stay.
Result<void> swap_all(std::vector<Preparation>& successors, const std::string& unfinished, const std::string& folder,
                      bool& stuck) {
  size_t count = 0;
  Result<void> done;
  while (done && count < successors.size()) {
    done = successors[count].swap_in();
    if (done) ++count;
  }
  if (done) done = exchange_pins(unfinished, folder);
  if (done) return {};
  const Result<void> undone = swap_back(successors, count);
  stuck = !undone;
  if (!stuck) return done;
  return system_error(fmt::format("{}; and {}", done.error().message, undone.error().message),
                      "the new script judges at some hooks, the old one at others: reload it again");
}

/// After a reload: the old program's counters are added up, and what was there before goes. The filter works without
/// that, so what fails is only reported.
void tidy_up(const PinRoot& root, const std::string& folder, const Manifest& manifest,
             std::vector<std::string>& notes) {
  wait_for_running_programs();
  Result<void> done = NewEntries::forget(folder);
  for (size_t i = 0; done && i < manifest.attachments.size(); ++i)
    done = settle_counters(attachment_folder(folder, i));
  if (done) done = remove_pins(folder + std::string(kUnfinished));
  if (done) done = sweep_chains(root, {});
  if (!done) {
    notes.push_back(
        fmt::format("the old program is still in memory, though it judges nothing any more ({}): the next "
                    "reload takes it away",
                    done.error().message));
  }
}

struct Succession {
  std::vector<Preparation> successors;
  const ir::Image* image = nullptr;  // of the first one: hooks that are gone are left out
  Installed installed;
};

/// The filter's maps, in the order of its manifest. A pin that is gone leaves its place empty.
Result<std::vector<std::optional<Map>>> maps_of(const std::string& folder, const Manifest& manifest) {
  std::vector<std::optional<Map>> maps;
  for (size_t i = 0; i < manifest.maps.size(); ++i) {
    Result<std::optional<Map>> map = find_map(fmt::format("{}/map_{}", folder, i));
    if (!map) return tl::make_unexpected(map.error());
    maps.push_back(std::move(*map));
  }
  return maps;
}

Result<void> load_successors(const PinRoot& root, const Installation& installation, const Manifest& old,
                             const std::string& folder, Succession& succession, std::string* verifier_log) {
  const Result<std::vector<std::optional<Map>>> maps = maps_of(folder, old);
  if (!maps) return tl::make_unexpected(maps.error());
  std::vector<ReusableMap> shared;
  for (size_t i = 0; i < maps->size(); ++i)
    if ((*maps)[i]) shared.push_back({&*(*maps)[i], old.maps[i].name, old.maps[i].declared});
  std::vector<Preparation>& successors = succession.successors;
  successors.reserve(old.attachments.size());
  for (size_t i = 0; i < old.attachments.size(); ++i) {
    const Attachment& attachment = old.attachments[i];
    Result<std::optional<Preparation>> one = Preparation::make_successor(
        root, installation, installation.images[i], attachment, attachment_folder(folder, i), shared, verifier_log);
    if (!one) return tl::make_unexpected(one.error());
    if (*one) {
      note_limits(installation.images[i], attachment.point, (*one)->place(), succession.installed.notes);
      if (!(*one)->remark().empty())
        succession.installed.notes.push_back(fmt::format("{}: {}", (*one)->place(), (*one)->remark()));
      successors.push_back(std::move(**one));
      if (successors.size() > 1) continue;
      succession.image = &installation.images[i];
      shared = shared_maps(successors.front().program(), *succession.image);
    } else {
      succession.installed.notes.push_back(
          fmt::format("{} is not attached any more and was left out: what it was attached to is gone",
                      to_string(attachment.point)));
    }
  }
  if (successors.empty()) {
    return system_error(
        fmt::format("'{}' is not attached anywhere any more: what it was attached to is gone", installation.name),
        fmt::format("perilune unload {}, then load it where it is to work", installation.name));
  }
  std::vector<std::string> lost = lost_maps(old, *succession.image, successors.front().program());
  std::ranges::move(lost, std::back_inserter(succession.installed.notes));
  succession.installed.manifest.maps = declarations(*succession.image);
  return {};
}

}  // namespace

std::string program_name(const std::string& filter) {
  return "pl_" + filter;
}

Result<Installed> install(const Installation& installation, const std::vector<AttachPoint>& points,
                          const Features& features, std::string* verifier_log) {
  if (const Result<void> sound = check_filter_name(installation.name); !sound) {
    return tl::make_unexpected(sound.error());
  }
  if (points.empty()) return input_error("no hook is named", "say where with --at, such as --at xdp:eth0");
  for (const AttachPoint& point : points) {
    if (const Result<void> possible = check_hook(features, *point.hook); !possible) {
      return tl::make_unexpected(possible.error());
    }
  }
  Result<PinRoot> root = PinRoot::open_for_change();
  if (!root) return tl::make_unexpected(root.error());
  const std::string folder = root->path_of(installation.name);
  const Result<bool> taken = exists(folder);
  if (!taken) return tl::make_unexpected(taken.error());
  if (*taken) {
    return input_error(
        fmt::format("a filter is loaded as '{}' already", installation.name),
        fmt::format("'perilune reload {0} SCRIPT' replaces it, 'perilune unload {0}' takes it out", installation.name));
  }
  const std::string unfinished = folder + std::string(kUnfinished);
  if (const Result<void> gone = remove_filter(*root, unfinished); !gone) return tl::make_unexpected(gone.error());

  std::vector<Preparation> prepared;
  const auto put_in = [&]() -> Result<Installed> {
    Result<Installed> built = build(*root, installation, points, unfinished, prepared, verifier_log);
    if (!built) return built;
    if (const Result<void> renamed = rename_pin(unfinished, folder); !renamed) {
      return tl::make_unexpected(renamed.error());
    }
    add_usages(*built, folder);
    return built;
  };
  Result<Installed> installed = taken_back_without_memory(put_in, [&] {
    prepared.clear();
    (void)remove_filter(*root, unfinished);
    root->remove_if_empty();
  });
  if (!installed) {
    prepared.clear();
    if (const Result<void> gone = remove_filter(*root, unfinished); !gone) {
      return system_error(fmt::format("{}; and {}", installed.error().message, gone.error().message),
                          fmt::format("some of it is left in the kernel: perilune unload {}", installation.name));
    }
    root->remove_if_empty();
  }
  return installed;
}

Result<Installed> replace(const Installation& installation, std::string* verifier_log) {
  Result<PinRoot> root = PinRoot::open_for_change();
  if (!root) return tl::make_unexpected(root.error());
  const std::string folder = root->path_of(installation.name);
  const Result<bool> there = exists(folder);
  if (!there) return tl::make_unexpected(there.error());
  if (!check_filter_name(installation.name) || !*there) return unknown_name(*root, installation.name);
  const Result<Manifest> old = manifest_in(folder);
  if (!old) return tl::make_unexpected(old.error());
  if (installation.images.size() != old->attachments.size()) {
    return system_error(fmt::format("'{}' was reloaded by another command meanwhile", installation.name), "try again");
  }
  const std::string unfinished = folder + std::string(kUnfinished);
  if (const Result<void> undone = undo_interrupted(*root, *old, folder); !undone) {
    return tl::make_unexpected(undone.error());
  }

  Succession succession;
  succession.installed.manifest = describe(installation);
  Manifest& manifest = succession.installed.manifest;
  manifest.first_time_ns = old->first_time_ns;
  manifest.reloads = old->reloads + 1;
  if (const Result<void> loaded = load_successors(*root, installation, *old, folder, succession, verifier_log);
      !loaded) {
    return tl::make_unexpected(loaded.error());
  }
  std::vector<Preparation>& successors = succession.successors;
  NewEntries entries;
  const auto prepare_pins = [&]() -> Result<void> {
    if (const Result<void> made = make_folder(unfinished); !made) return made;
    for (size_t i = 0; i < successors.size(); ++i) {
      const std::string place = attachment_folder(unfinished, i);
      if (const Result<void> done = successors[i].pin_program(place); !done) return done;
      if (const Result<void> done = successors[i].pin_links(place); !done) return done;
      manifest.attachments.push_back(successors[i].record());
      succession.installed.places.push_back(successors[i].place());
    }
    if (const Result<void> done = pin_shared(unfinished, manifest, successors.front().program()); !done) return done;
    return entries.add(successors.front().program(), *succession.image, unfinished);
  };
  bool stuck = false;
  const auto put_in = [&]() -> Result<void> {
    Result<void> pinned = prepare_pins();
    return pinned ? swap_all(successors, unfinished, folder, stuck) : pinned;
  };
  const Result<void> done = taken_back_without_memory(put_in, [&] { (void)undo_interrupted(*root, *old, folder); });
  if (!done) {
    if (!stuck) (void)remove_pins(unfinished);
    return tl::make_unexpected(done.error());
  }
  entries.keep();
  tidy_up(*root, folder, manifest, succession.installed.notes);
  add_usages(succession.installed, folder);
  return std::move(succession.installed);
}

Result<Manifest> find_manifest(const std::string& name) {
  const Result<PinRoot> root = PinRoot::open_for_reading();
  if (!root) return tl::make_unexpected(root.error());
  if (!root->exists() || !check_filter_name(name)) return unknown_name(*root, name);
  const Result<bool> there = exists(root->path_of(name));
  if (!there) return tl::make_unexpected(there.error());
  if (!*there) return unknown_name(*root, name);
  return manifest_in(root->path_of(name));
}

Result<std::vector<std::string>> installed_names() {
  const Result<PinRoot> root = PinRoot::open_for_reading();
  if (!root) return tl::make_unexpected(root.error());
  return names_of(*root);
}

Result<void> uninstall(const std::string& name) {
  const Result<std::vector<std::string>> names = installed_names();
  if (!names) return tl::make_unexpected(names.error());
  if (std::find(names->begin(), names->end(), name) == names->end()) {
    const Result<PinRoot> looked_at = PinRoot::open_for_reading();
    if (!looked_at) return tl::make_unexpected(looked_at.error());
    return unknown_name(*looked_at, name);
  }
  Result<PinRoot> root = PinRoot::open_for_change();
  if (!root) return tl::make_unexpected(root.error());
  if (const Result<void> unused = check_unused(name, root->path_of(name)); !unused) return unused;
  for (const std::string& folder : {root->path_of(name), root->path_of(name) + std::string(kUnfinished)}) {
    if (const Result<void> gone = remove_filter(*root, folder); !gone) return gone;
  }
  root->remove_if_empty();
  return {};
}

}  // namespace perilune::bpf
