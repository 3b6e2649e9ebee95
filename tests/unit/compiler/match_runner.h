// One compiled match in user space: a function that matches a subject in the slot and writes down what it found.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/match/match.h"
#include "ir/generate/passes.h"
#include "vm/program.h"

namespace perilune::compiler {

struct RunMatch {
  bool matched = false;
  int64_t start = -1;
  int64_t end = -1;
  std::vector<std::string> captures;  // positions as decimal numbers
};

class MatchRunner {
 public:
  struct How {
    bool checked = false;       // every access to memory checked
    int64_t most = 3000;        // known bound of the subject's length
    bool init_is_zero = false;  // known when compiling
  };

  /// `plain`: find the text as it stands.
  MatchRunner(const std::optional<pattern::Pattern>& pattern, std::string_view plain, const MatchNeeds& needs,
              How how) {
    ir::Builder b(function_);
    const ir::BlockId entry = b.new_block();
    const ir::BlockId exhausted = b.new_block();
    b.switch_to(exhausted);
    b.ret(b.constant(kExhausted));
    b.switch_to(entry);
    const ir::Value slot = b.slot();
    const Subject subject{b.load(4, slot, kArguments), b.load(4, slot, kArguments + 4), how.most};
    const ir::Value init = how.init_is_zero ? b.constant(0) : b.load(4, slot, kArguments + 8);
    MatchContext context;
    context.builder = &b;
    context.tables = &tables_;
    context.exhausted = exhausted;
    MatchBlocks blocks;
    if (pattern) {
      auto lowered = lower_match(context, *pattern, subject, init, needs);
      if (!lowered) {
        problem = lowered.error();
        return;
      }
      blocks = std::move(*lowered);
    } else {
      blocks = lower_find_plain(context, plain, subject, init);
    }
    if (blocks.start != ir::kNoValue) b.store(8, b.slot(), kResults, blocks.start);
    if (blocks.end != ir::kNoValue) b.store(8, b.slot(), kResults + 8, blocks.end);
    for (size_t i = 0; i < blocks.captures.size(); ++i) {
      b.store(8, b.slot(), kResults + 16 + static_cast<int32_t>(16 * i), blocks.captures[i].start);
      b.store(8, b.slot(), kResults + 24 + static_cast<int32_t>(16 * i), blocks.captures[i].length);
      positions_.push_back(blocks.captures[i].position);
    }
    b.ret(b.constant(1));
    b.switch_to(blocks.no);
    b.ret(b.constant(0));
    finish(how);
  }

  /// Why it cannot be compiled, or what went wrong at the last run; empty: nothing.
  std::string problem;

  RunMatch run(std::string_view subject, size_t init) {
    place(machine_->slot(), subject, init);
    const uint64_t result = machine_->run(nullptr);
    if (checked_) problem = machine_->fault();
    return read(machine_->slot(), result, subject);
  }

  /// Puts the arguments into a slot's memory.
  static void place(uint8_t* memory, std::string_view subject, size_t init) {
    const auto write = [&](int32_t at, uint32_t number) { std::memcpy(memory + at, &number, 4); };
    // What stood there before stays behind it: nothing may come of that.
    std::memcpy(memory + kOffset, subject.data(), subject.size());
    write(kArguments, kOffset);
    write(kArguments + 4, static_cast<uint32_t>(subject.size()));
    write(kArguments + 8, static_cast<uint32_t>(init));
  }

  /// What a run that returned `result` left in the slot's memory.
  RunMatch read(const uint8_t* memory, uint64_t result, std::string_view subject) {
    if (result == kExhausted) problem = "exhausted";
    RunMatch found;
    found.matched = result == 1;
    if (!found.matched) return found;
    const auto number_at = [&](int32_t at) {
      int64_t number = 0;
      std::memcpy(&number, memory + at, 8);
      return number;
    };
    found.start = number_at(kResults);
    found.end = number_at(kResults + 8);
    for (size_t i = 0; i < positions_.size(); ++i) {
      const int64_t start = number_at(kResults + 16 + static_cast<int32_t>(16 * i));
      const int64_t length = number_at(kResults + 24 + static_cast<int32_t>(16 * i));
      if (start < 0 || length < 0 || start + length > static_cast<int64_t>(subject.size())) {
        problem = "capture out of bounds";
        return found;
      }
      found.captures.push_back(
          positions_[i] ? std::to_string(start + 1)
                        : std::string(subject.substr(static_cast<size_t>(start), static_cast<size_t>(length))));
    }
    return found;
  }

  /// The tables as the loader pads them.
  [[nodiscard]] std::vector<uint8_t> padded_tables() const {
    std::vector<uint8_t> tables = image_.tables;
    tables.resize(std::bit_ceil(tables.size()) + 64);
    return tables;
  }
  [[nodiscard]] size_t instructions() const { return image_.code.insns.size(); }
  [[nodiscard]] const ir::Image& image() const { return image_; }

 private:
  static constexpr uint64_t kExhausted = 2;
  static constexpr int32_t kArguments = PL_SCRATCH + 0x2000;
  static constexpr int32_t kResults = kArguments + 64;
  static constexpr uint32_t kOffset = PL_FRAME + 54;

  class Silence final : public vm::Environment {
   public:
    void pull(void*, uint64_t) override {}
    uint64_t random() override { return 0; }
    int output(std::span<const uint8_t>) override { return 0; }
  };

  void finish(How how) {
    problem = ir::verify(function_);
    if (!problem.empty()) return;
    ir::simplify(function_);
    problem = ir::verify(function_);
    if (!problem.empty()) return;
    auto code = ir::generate(function_);
    if (!code) {
      problem = code.error().message;
      return;
    }
    image_.code = std::move(*code);
    image_.tables = tables_.take();
    checked_ = how.checked;
    auto program = vm::Program::load(image_, {.machine_code = !how.checked, .checked = how.checked});
    if (!program) {
      problem = program.error().message;
      return;
    }
    program_ = std::move(*program);
    auto machine = program_->machine(silence_);
    if (!machine) {
      problem = machine.error().message;
      return;
    }
    machine_ = std::move(*machine);
  }

  ir::Function function_;
  ir::TablePool tables_;
  std::vector<bool> positions_;
  ir::Image image_;
  bool checked_ = false;
  Silence silence_;
  std::unique_ptr<vm::Program> program_;
  std::unique_ptr<vm::Machine> machine_;
};

}  // namespace perilune::compiler
