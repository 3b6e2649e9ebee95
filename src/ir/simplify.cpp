#include "ir/passes.h"

namespace perilune::ir {

void simplify(Function& function) {
  (void)function;
}

}  // namespace perilune::ir
