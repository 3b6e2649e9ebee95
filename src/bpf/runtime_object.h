// The hooks' runtimes as clang compiled them (src/bpf/runtime, embedded in this program), taken apart into functions.
//
// Reference: the ELF of BPF objects (LLVM's BPF target), Documentation/bpf/btf.rst for .BTF and .BTF.ext.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/code.h"

namespace perilune::bpf {

class Hook;

struct RuntimeFunction {
  enum class Parameter : uint8_t { kNumber, kContext, kPointer };
  /// An instruction that names something outside of the function.
  struct Reference {
    uint32_t insn = 0;
    bool call = false;   // else a 16-byte load-immediate
    std::string symbol;  // a function of the object, or a name that is defined nowhere in it
  };
  struct Line {
    uint32_t insn = 0;
    std::string file;
    std::string text;
    uint32_t position = 0;  // line << 10 | column
  };

  std::string name;
  bool global = false;  // verified on its own
  std::vector<Parameter> parameters;
  std::vector<ir::Insn> insns;
  std::vector<Reference> references;
  std::vector<Line> lines;
};

struct RuntimeObject {
  std::string context;                     // name of the context's structure
  std::string entry;                       // name of the function the hook calls
  std::vector<RuntimeFunction> functions;  // in the object's order

  [[nodiscard]] const RuntimeFunction* find(const std::string& name) const;
};

/// Reads the embedded object; a failure is a fault of the build.
[[nodiscard]] Result<RuntimeObject> runtime_object(const Hook& hook);

}  // namespace perilune::bpf
