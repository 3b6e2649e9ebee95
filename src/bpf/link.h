// Joins a hook's runtime and a script's compiled filter into one program as the kernel takes it: instructions, BTF,
// function and line information.
//
//   [ entry with the filter inside ][ functions of the runtime it reaches ... ]
//   [ entry ][ filter, verified on its own ][ functions of the runtime they reach ... ]
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <linux/bpf.h>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "bpf/runtime_object.h"
#include "ir/code.h"

namespace perilune::bpf {

/// Values of the names that are defined nowhere: numbers of the loader's, and descriptors of maps.
struct LinkInput {
  const RuntimeObject* runtime = nullptr;
  const ir::Image* image = nullptr;
  const ir::Code* code = nullptr;  // of the filter
  bool inlines = true;             // the filter into the entry, copies into the filter, where that can be
  uint64_t slots_mask = 0;
  int memory_fd = -1;
  int tables_fd = -1;
  int events_fd = -1;
  int chain_fd = -1;         // -1: none
  std::vector<int> map_fds;  // as Image::maps
  std::map<std::string, uint64_t> constants;
  std::map<std::string, uint32_t> kernel_functions;  // BTF ids in the kernel's own types
};

struct LinkedProgram {
  std::vector<ir::Insn> insns;
  std::vector<uint8_t> types;  // BTF
  std::vector<bpf_func_info> functions;
  std::vector<bpf_line_info> lines;
  bool inlined = false;
};

[[nodiscard]] Result<LinkedProgram> link(const LinkInput& input);

/// Names that are undefined in the runtime and neither maps nor the filter: what `constants` (data) and
/// `kernel_functions` (calls) must know.
struct UndefinedNames {
  std::vector<std::string> constants;
  std::vector<std::string> functions;
};
[[nodiscard]] UndefinedNames undefined_names(const RuntimeObject& runtime);

}  // namespace perilune::bpf
