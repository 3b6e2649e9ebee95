// A filter's code in our own process: a Program is what workers share (maps, tables), a Machine is one worker's memory
// (one slot) with the code bound to it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "event/slot.h"
#include "ir/code.h"
#include "vm/environment.h"
#include "vm/helpers.h"
#include "vm/interpreter.h"
#include "vm/machine_code.h"
#include "vm/map.h"
#include "vm/mapped_memory.h"

namespace perilune::vm {

struct Options {
  bool machine_code = true;       // where there is any; else the interpreter
  bool checked = false;           // the interpreter, every access to memory checked: for tests
  uint32_t patience = 8'388'608;  // how many times may_goto does not go, in one run
};

class Machine;

class Program {
 public:
  /// `image` must outlive the program and its machines. Maps hold their initial entries. Fails when the code is not
  /// sound, when an initial entry does not fit, or for want of memory.
  [[nodiscard]] static Result<std::unique_ptr<Program>> load(const ir::Image& image, const Options& options);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// As in Image::maps.
  [[nodiscard]] std::span<const std::unique_ptr<Map>> maps() const { return maps_; }
  /// Does it run as machine code?
  [[nodiscard]] bool translated() const { return translated_; }

  /// From when the initial entries of maps with a time to live live: to be called once that time is known; until then
  /// they do not expire.
  void stamp_entries(uint64_t now_ns);

  /// For one thread. `environment` and the program must outlive it.
  [[nodiscard]] Result<std::unique_ptr<Machine>> machine(Environment& environment) const;

 private:
  Program(const ir::Image& image, const Options& options) : image_(&image), options_(options) {}
  [[nodiscard]] Result<void> make_maps();
  [[nodiscard]] Result<void> make_tables();
  [[nodiscard]] Result<std::vector<ir::Insn>> bound_code(const Machine& machine) const;

  const ir::Image* image_;
  Options options_;
  bool translated_ = false;
  std::vector<std::unique_ptr<Map>> maps_;
  MappedMemory tables_;
};

class Machine {
 public:
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// PL_SLOT_SIZE bytes and PL_MEMORY_PAD after them, aligned to a page.
  [[nodiscard]] uint8_t* slot() const { return memory_.data(); }
  [[nodiscard]] pl_call& call() const { return *reinterpret_cast<pl_call*>(memory_.data() + PL_CALL); }

  /// filter(context, 0); what it returns.
  [[nodiscard]] uint64_t run(void* context) {
    if (entry_ != nullptr) return entry_(reinterpret_cast<uint64_t>(context), 0);
    return interpret(context);
  }
  /// Checked machines: what the last run did wrong (its result is then worth nothing); empty: nothing.
  [[nodiscard]] const std::string& fault() const { return interpreter_->fault(); }
  /// Bytes of machine code; 0 when interpreted.
  [[nodiscard]] size_t code_bytes() const { return code_.has_value() ? code_->size() : 0; }

 private:
  friend class Program;
  Machine(MappedMemory memory, Environment& environment) : memory_(std::move(memory)) {
    helpers_.environment = &environment;
  }
  [[nodiscard]] uint64_t interpret(void* context);

  MachineCode::Entry entry_ = nullptr;
  MappedMemory memory_;
  HelperState helpers_;
  std::optional<MachineCode> code_;
  std::optional<Interpreter> interpreter_;
  bool checked_ = false;
  AccessRules rules_;
};

}  // namespace perilune::vm
