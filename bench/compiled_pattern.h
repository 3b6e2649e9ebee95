// One Lua pattern through the compiler and the virtual machine, with nothing around it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "bench/compiled.h"
#include "vm/program.h"

namespace perilune::bench {

enum class PatternNeeds : uint8_t {
  kYesOrNo,  // is it in there?
  kCapture,  // and which byte does the first capture begin with?
};

class CompiledPattern {
 public:
  [[nodiscard]] static Result<std::unique_ptr<CompiledPattern>> make(const std::string& pattern, PatternNeeds needs);

  /// Puts the subject into the machine's memory as the payload of a UDP datagram.
  void set_subject(std::string_view subject);
  [[nodiscard]] bool match();

 private:
  class NoEnvironment final : public vm::Environment {
   public:
    void pull(void*, uint64_t) override {}
    uint64_t random() override { return 0; }
    int output(std::span<const uint8_t>) override { return 0; }
  };
  Compiled compiled_;
  NoEnvironment environment_;
  std::unique_ptr<vm::Program> program_;
  std::unique_ptr<vm::Machine> machine_;
};

}  // namespace perilune::bench
