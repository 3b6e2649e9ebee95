// What the lowering knows at one point of the program (value.h: State), as a whole: its parts in a fixed order, what of
// it is not needed any more, and whether two states may be joined.
//
// Objects made at packet time have an identity: tables, and the variables that closures have captured. Both live in the
// state, and values refer to them by number. A captured variable is a box: as in the Lua machine, its register refers
// to it as long as the variable is in scope, and so do the closures, which may outlive the register.
//
//   local n = 0                          register 3: box 0          boxes: 0: the integer 0
//   local add = function() n = n + 1 end register 4: closure {box 0}
//   end of the block                     register 3: nothing; the closure still has box 0
//
// Two paths meet with equal states when every table and box has the same number in both, so compact() numbers them in
// the order in which they are met from the registers. Cost of each function: linear in the state.
#pragma once

#include <string>
#include <vector>

#include "compiler/lowering/value.h"

namespace perilune::compiler {

/// All values, in an order that depends on the shape alone: of registers and extra arguments, tables, boxes.
[[nodiscard]] std::vector<AbstractValue*> flatten(State& state);

/// Where the parts begin in flatten().
struct Parts {
  size_t top = 0;  // registers of the running function
  size_t tables = 0;
  size_t boxes = 0;
};
[[nodiscard]] Parts parts_of(const State& state);

/// Clears registers that no instruction reads any more; all of flatten() keeps its place.
void clear_dead(State& state);
/// The same, and drops what only tells states apart: registers beyond the frame, open lists, loops that were left.
void forget_dead(State& state);

/// Drops tables and boxes that cannot be reached, puts variables that no closure refers to back into their registers,
/// and numbers the rest.
void compact(State& state);

/// States with equal shapes can be joined: all that differs is in values of one class (class_of()).
[[nodiscard]] std::string shape_of(State& state);

/// By box: does a function that is alive assign the variable?
[[nodiscard]] std::vector<bool> boxes_written_by_closures(State& state);

/// Certainly the same value.
[[nodiscard]] bool same(const AbstractValue& a, const AbstractValue& b);

/// One letter a type for constants that may be joined to a dynamic value; 0 for all others.
[[nodiscard]] char class_of(AbstractValue::Kind kind);

/// How long a string or view is at most, and at least.
[[nodiscard]] int64_t longest(const AbstractValue& value);
[[nodiscard]] int64_t shortest(const AbstractValue& value);

}  // namespace perilune::compiler
