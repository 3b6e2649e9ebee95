// Tables shared between workers, and with whoever wants to look: what `map.hash`, `map.lru`, `map.lpm`, `map.array` and
// `map.counter` are behind. Keys and values have declared shapes, as the kernel's maps have.
#pragma once

namespace perilune::script {

/// Filled in by map_store.cpp's author: named maps, thread safe, with times to live.
class MapStore;

}  // namespace perilune::script
