#include "bpf/initial_entries.h"

#include "base/bytes.h"

namespace perilune::bpf {

std::vector<uint8_t> initial_value(const ir::MapSpec& spec, const ir::MapSpec::Entry& entry, uint64_t now_ns) {
  std::vector<uint8_t> value = entry.value;
  if (spec.timed && read_host<uint64_t>(value.data()) == ir::MapSpec::kNotYet) write_host(value.data(), now_ns);
  return value;
}

std::vector<ir::MapSpec::Entry> initial_entries(const ir::MapSpec& spec, uint64_t now_ns) {
  std::vector<ir::MapSpec::Entry> entries = spec.initial;
  if (spec.timed) {
    for (ir::MapSpec::Entry& entry : entries)
      entry.value = initial_value(spec, entry, now_ns);
  }
  return entries;
}

}  // namespace perilune::bpf
