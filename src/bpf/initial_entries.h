// What a script's main chunk wrote to a map, as it is put into the kernel's.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/code.h"

namespace perilune::bpf {

/// The value of one entry: in a map with a time to live it begins to live at `now_ns`.
[[nodiscard]] std::vector<uint8_t> initial_value(const ir::MapSpec& spec, const ir::MapSpec::Entry& entry,
                                                 uint64_t now_ns);
/// All entries, likewise.
[[nodiscard]] std::vector<ir::MapSpec::Entry> initial_entries(const ir::MapSpec& spec, uint64_t now_ns);

}  // namespace perilune::bpf
