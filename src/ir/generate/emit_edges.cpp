// What happens on the way from one block to another: arguments become parameters, all at once. First everything that
// goes to memory is written (from registers that are still as they were), then registers are moved, then what comes
// from memory or is a number is loaded.
#include <algorithm>

#include "ir/generate/emitter.h"
#include "ir/opcodes.h"

namespace perilune::ir {
namespace {

/// Does not fit the immediate of a store.
bool is_wide(int64_t number) {
  return number < INT32_MIN || number > INT32_MAX;
}

}  // namespace

std::vector<Emitter::Move> Emitter::moves_of(const LowBlock& block) const {
  std::vector<Move> moves;
  const std::vector<Parameter>& parameters = function_.blocks[block.then].parameters;
  for (size_t i = 0; i < block.arguments.size(); ++i) {
    const Argument& argument = block.arguments[i];
    Move move;
    move.launder = argument.launder;
    if (argument.cell != kNoCell) {
      move.source = Move::Source::kCell;
      move.from_cell = argument.cell;
      move.bytes = argument.launder ? 8 : argument.bytes;  // fewer would be known to the verifier
    } else if (argument.value.is_number()) {
      move.source = Move::Source::kNumber;
      move.number = argument.value.imm;
    } else {
      move.from = real(argument.value.reg);
    }
    move.to_cell = parameters[i].cell;
    if (move.to_cell == kNoCell) move.to = real(parameters[i].reg);
    if (move.source == Move::Source::kCell && move.from_cell == move.to_cell) continue;
    if (move.source == Move::Source::kRegister && move.to_cell == kNoCell && move.from == move.to && !move.launder) {
      continue;
    }
    moves.push_back(move);
  }
  return moves;
}

void Emitter::edge(uint32_t number) {
  std::vector<Move> moves = moves_of(function_.blocks[number]);
  if (moves.empty()) return;
  edge_cells_ = 0;
  const uint16_t busy = allocation_.busy[number];
  const bool needs_temporary = std::any_of(moves.begin(), moves.end(), [](const Move& move) {
    return move.source == Move::Source::kCell ||
           (move.source == Move::Source::kNumber && is_wide(move.number) && (move.to_cell != kNoCell || move.launder));
  });
  if (needs_temporary) {
    Real temporary = 0;
    while (temporary <= 9 && (temporary == kSlot || (busy >> temporary & 1) != 0))
      ++temporary;
    const bool borrowed = temporary > 9;
    const int32_t home = borrowed ? stack_cell(allocation_.stack_cells + 6) : 0;
    if (borrowed) {
      temporary = 1;
      store(8, kStack, home, temporary);
    }
    write_cells(moves, temporary, home);
    if (borrowed) load(8, temporary, kStack, home);
  } else {
    write_cells(moves, 0, 0);
  }
  std::vector<std::pair<Real, Real>> registers;
  auto avoid = static_cast<uint16_t>(busy | 1u << kSlot);
  for (const Move& move : moves) {
    avoid |= static_cast<uint16_t>(1u << move.to);
    if (move.source == Move::Source::kRegister) registers.emplace_back(move.to, move.from);
  }
  move_registers(std::move(registers), avoid);
  for (const Move& move : moves) {
    if (move.source == Move::Source::kCell) load(move.bytes, move.to, kSlot, cell(move.from_cell));
    if (move.source == Move::Source::kNumber) mov_number(move.to, move.number);
  }
}

/// Does all moves to cells; what is left are moves to registers from registers, numbers and cells that are not
/// overwritten. `home`: where on the stack the temporary register's own content is; 0: it has none.
void Emitter::write_cells(std::vector<Move>& moves, Real temporary, int32_t home) {
  // Cells that are read and written: their old content moves out of the way.
  for (Move& move : moves) {
    if (move.source != Move::Source::kCell) continue;
    const bool overwritten =
        std::any_of(moves.begin(), moves.end(), [&](const Move& other) { return other.to_cell == move.from_cell; });
    if (!overwritten) continue;
    const int32_t safe = edge_cell();
    load(move.bytes, temporary, kSlot, cell(move.from_cell));
    store(8, kSlot, cell(safe), temporary);
    move.from_cell = safe;
  }
  for (Move& move : moves) {
    const bool through = move.to_cell == kNoCell;  // the argument of a register that goes through memory
    if (through && (!move.launder || move.source == Move::Source::kCell)) continue;
    const int32_t number = through ? edge_cell() : move.to_cell;
    if (move.source == Move::Source::kRegister) {
      if (home != 0 && move.from == temporary) load(8, temporary, kStack, home);
      store(8, kSlot, cell(number), move.from);
    } else if (move.source == Move::Source::kCell) {
      load(move.bytes, temporary, kSlot, cell(move.from_cell));
      store(8, kSlot, cell(number), temporary);
    } else if (is_wide(move.number)) {
      mov_number(temporary, move.number);
      store(8, kSlot, cell(number), temporary);
    } else {
      store_number(8, kSlot, cell(number), move.number);
    }
    if (!through) continue;
    move.source = Move::Source::kCell;
    move.from_cell = number;
    move.bytes = 8;
  }
  std::erase_if(moves, [](const Move& move) { return move.to_cell != kNoCell; });
}

/// Moves registers at once: those first whose target is not read any more; then what is left are circles, each of
/// which is cut by way of a register that is free, or of memory. `avoid`: registers that are not free.
void Emitter::move_registers(std::vector<std::pair<Real, Real>> moves, uint16_t avoid) {
  std::erase_if(moves, [](const auto& move) { return move.first == move.second; });
  struct Waiting {
    Real to = 0;
    Real from = 0;
    int32_t cell = kNoCell;
  };
  std::vector<Waiting> waiting;
  while (!moves.empty()) {
    const auto free = std::find_if(moves.begin(), moves.end(), [&](const auto& move) {
      return std::none_of(moves.begin(), moves.end(), [&](const auto& other) { return other.second == move.first; });
    });
    if (free != moves.end()) {
      mov(free->first, free->second);
      moves.erase(free);
      continue;
    }
    const auto [to, from] = moves.back();
    moves.pop_back();
    Real temporary = 0;
    while (temporary <= 9 && (avoid >> temporary & 1) != 0)
      ++temporary;
    if (temporary <= 9) {
      mov(temporary, from);
      avoid |= static_cast<uint16_t>(1u << temporary);
      waiting.push_back({to, temporary, kNoCell});
    } else {
      const int32_t home = edge_cell();
      store(8, kSlot, cell(home), from);
      waiting.push_back({to, 0, home});
    }
  }
  for (const Waiting& move : waiting) {
    if (move.cell == kNoCell) {
      mov(move.to, move.from);
    } else {
      load(8, move.to, kSlot, cell(move.cell));
    }
  }
}

}  // namespace perilune::ir
