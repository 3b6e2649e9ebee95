#include "bpf/pinned_maps.h"

#include <utility>

#include "bpf/pins.h"

namespace perilune::bpf {

Result<std::optional<Map>> find_map(const std::string& path) {
  Result<std::optional<FileDescriptor>> fd = find_pin(path);
  if (!fd) return tl::make_unexpected(fd.error());
  if (!*fd) return std::optional<Map>();
  Result<Map> map = Map::adopt(std::move(**fd));
  if (!map) return tl::make_unexpected(map.error());
  return std::optional<Map>(std::move(*map));
}

Result<std::vector<Map>> script_maps_in(const std::string& folder) {
  std::vector<Map> maps;
  const Result<std::vector<std::string>> names = names_in(folder);
  if (!names) return tl::make_unexpected(names.error());
  for (const std::string& name : *names) {
    if (!name.starts_with("map_")) continue;
    Result<FileDescriptor> fd = open_pin(folder + "/" + name);
    if (!fd) return tl::make_unexpected(fd.error());
    Result<Map> map = Map::adopt(std::move(*fd));
    if (!map) return tl::make_unexpected(map.error());
    maps.push_back(std::move(*map));
  }
  return maps;
}

}  // namespace perilune::bpf
