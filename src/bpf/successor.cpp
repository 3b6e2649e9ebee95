#include "bpf/successor.h"

#include "bpf/pins.h"
#include "bpf/system_call.h"

namespace perilune::bpf {
namespace {

/// Id of a pinned map; 0: there is no such pin.
Result<uint32_t> map_id(const std::string& path) {
  const Result<std::optional<FileDescriptor>> fd = find_pin(path);
  if (!fd) return tl::make_unexpected(fd.error());
  if (!*fd) return 0U;
  const Result<MapInfo> info = map_info((*fd)->get());
  if (!info) return tl::make_unexpected(info.error());
  return info->id;
}

}  // namespace

Result<std::optional<Successor>> find_successor(const std::string& folder, size_t index) {
  const std::string unfinished = folder + std::string(kUnfinished);
  const Result<std::vector<std::string>> names = names_in(unfinished);
  if (!names) return tl::make_unexpected(names.error());
  if (names->empty()) return std::optional<Successor>();
  const Result<uint32_t> memory = map_id(fmt::format("{}/at_{}/memory", folder, index));
  if (!memory) return tl::make_unexpected(memory.error());
  for (const std::string& name : *names) {
    const std::string place = unfinished + "/" + name;
    const Result<std::optional<FileDescriptor>> program = find_pin(place + "/program");
    if (!program) return tl::make_unexpected(program.error());
    if (!*program) continue;
    // Who counts on from whom decides: hooks that were lost are left out by a reload, so the numbers need not agree,
    // and after the reload's last step it is the old attachments that are beside the filter.
    const Result<uint32_t> old_memory = map_id(place + "/old_memory");
    if (!old_memory) return tl::make_unexpected(old_memory.error());
    if (*old_memory == 0 || *old_memory != *memory) continue;
    const Result<ProgramInfo> info = program_info((*program)->get());
    if (!info) return tl::make_unexpected(info.error());
    return std::optional<Successor>(Successor{info->id, place});
  }
  return std::optional<Successor>();
}

}  // namespace perilune::bpf
