// Low-level form with real registers to BPF code. One class in four files: emit.cpp (blocks, jumps), emit_values.cpp
// (arithmetic, memory), emit_calls.cpp and emit_edges.cpp (arguments of blocks).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ir/code.h"
#include "ir/generate/low.h"

namespace perilune::ir {

class Emitter {
 public:
  /// `far`: by jump in the order of the code, which of them are farther than 16 bits reach (none: an empty one).
  Emitter(const LowFunction& function, const Allocation& allocation, std::vector<bool> far = {});
  Result<Code> run();
  /// After run(): as `far`, what was found out. More than it was: run once more with it.
  [[nodiscard]] const std::vector<bool>& far() const { return far_; }
  [[nodiscard]] bool found_more_far() const { return found_far_; }

 private:
  using Real = uint8_t;
  static constexpr Real kSlot = 6;
  static constexpr Real kStack = 10;

  // emit.cpp
  void prologue();
  void jump(unsigned code, Real a, Real b, int64_t imm, unsigned inverse, uint32_t target);
  void patch_jumps();
  void note_record_fields();
  void block(uint32_t number);
  void choose_piece();
  void choose(int64_t from, std::span<const uint32_t> targets);
  // Places that jumps lead to, besides those below.
  [[nodiscard]] uint32_t new_label();
  void set_label(uint32_t label);
  [[nodiscard]] uint32_t where_rounds_end() const;
  void begin_piece(size_t cut);
  void forget_registers();
  // What jumps lead to besides blocks: the choice of the next piece, the pieces, the end when iterations are spent.
  [[nodiscard]] uint32_t choice() const { return static_cast<uint32_t>(function_.blocks.size()); }
  [[nodiscard]] uint32_t piece(size_t cut) const { return choice() + 1 + static_cast<uint32_t>(cut); }
  [[nodiscard]] uint32_t spent() const { return piece(allocation_.cuts.size()); }
  void branch(const LowBlock& block, uint32_t next);
  void jump_to(uint32_t target, uint32_t next);
  void conditional(Condition condition, Operand a, Operand b, uint32_t target);
  [[nodiscard]] uint32_t final_target(uint32_t block) const;
  [[nodiscard]] bool vanishes(uint32_t block) const { return vanishing_[block]; }

  // raw instructions
  void raw(unsigned code, unsigned dst, unsigned src, int32_t off, int64_t imm);
  void place(uint32_t file, uint32_t line);
  void mov(Real dst, Real src);
  void mov_number(Real dst, int64_t number);
  void alu(unsigned op, Real dst, Real src);
  void alu_number(unsigned op, Real dst, int64_t number);
  void load(unsigned bytes, Real dst, Real base, int32_t off);
  void store(unsigned bytes, Real base, int32_t off, Real src);
  void store_number(unsigned bytes, Real base, int32_t off, int64_t number);
  void load_address(Real dst, Relocation::Kind kind, uint32_t index);

  // emit_values.cpp
  void value(const Low& low);
  void binary(const Low& low);
  void offset(const Low& low);
  void put(Real dst, const Operand& operand);
  void note_limit(const Low& low);

  // emit_calls.cpp
  void call(const Low& low, uint32_t position);
  void helper(int32_t number) { raw(0x85, 0, 0, 0, number); }
  void find_elements_stored_to();
  [[nodiscard]] bool has_many_lookups() const;
  void key_and_map(const Low& low);
  void find_element(const Low& low);
  void call_function(Relocation::Kind kind, uint32_t index, Real unused);
  void divide(const Low& low);
  void map_lookup(const Low& low, Real result);
  void map_store(const Low& low, Real result);
  void map_add(const Low& low, Real result);
  size_t unless_found(Real result);
  void found(Real result, size_t jump);

  // emit_edges.cpp
  struct Move {
    enum class Source : uint8_t { kRegister, kNumber, kCell };
    Source source = Source::kRegister;
    Real from = 0;
    int64_t number = 0;
    int32_t from_cell = kNoCell;
    unsigned bytes = 8;  // of the cell
    bool launder = false;
    Real to = 0;
    int32_t to_cell = kNoCell;  // instead of a register
  };
  [[nodiscard]] std::vector<Move> moves_of(const LowBlock& block) const;
  void edge(uint32_t number);
  void write_cells(std::vector<Move>& moves, Real temporary, int32_t home);
  void move_registers(std::vector<std::pair<Real, Real>> moves, uint16_t avoid);

  // places in the slot
  [[nodiscard]] int32_t cell(int32_t number) const;
  [[nodiscard]] int32_t launder_cell() const { return allocation_.cells; }
  [[nodiscard]] int32_t save_cell(Real real) const { return allocation_.cells + 1 + real; }
  [[nodiscard]] int32_t call_cell() const { return allocation_.cells + 7; }
  [[nodiscard]] int32_t edge_cell() {
    most_edge_cells_ = std::max(most_edge_cells_, ++edge_cells_);
    return allocation_.cells + 7 + edge_cells_;
  }
  int32_t stack_cell(int32_t number);
  /// Behind the cells where calls save registers.
  int32_t kept_cell(uint8_t kept) { return stack_cell(allocation_.stack_cells + kStack + kept - 1); }

  [[nodiscard]] Real real(Register reg) const { return reg == kSlotRegister ? kSlot : allocation_.real[reg]; }

  const LowFunction& function_;
  const Allocation& allocation_;
  Code code_;
  std::vector<uint32_t> starts_;                      // of blocks, in instructions
  std::vector<std::pair<uint32_t, uint32_t>> jumps_;  // instruction, target block
  std::vector<bool> far_;                             // by jump
  bool found_far_ = false;
  bool calls_lookups_ = false;                     // instead of the helper, see find_element()
  std::array<bool, kKeptPlaces + 1> stored_to_{};  // by Low::kept; 0: none
  std::vector<uint64_t> limits_;                   // by virtual register: what the verifier knows, too
  std::vector<bool> saved_;                        // by virtual register: around some call
  size_t next_save_ = 0;
  size_t next_cut_ = 0;
  std::vector<bool> vanishing_;  // by block
  int32_t edge_cells_ = 0;       // in use on the current edge
  int32_t most_edge_cells_ = 0;
  int32_t deepest_ = 0;  // byte of the stack
  uint32_t file_ = 0;
  uint32_t line_ = 0;
};

}  // namespace perilune::ir
