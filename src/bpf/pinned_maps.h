// Maps found by their pins.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/map.h"

namespace perilune::bpf {

/// The pinned map, or nothing where there is no such pin.
[[nodiscard]] Result<std::optional<Map>> find_map(const std::string& path);

/// The maps of the script whose filter has this folder of pins.
[[nodiscard]] Result<std::vector<Map>> script_maps_in(const std::string& folder);

}  // namespace perilune::bpf
