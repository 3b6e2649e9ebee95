#include "cli/shortage.h"

#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>

#include <unistd.h>

#include "cli/command.h"

namespace perilune::cli {
namespace {

constinit std::terminate_handler usual_handler = nullptr;

// Is there so little memory that an exception could not be made, which ends the program as well?
bool memory_is_short() {
  constexpr size_t kLittle = size_t{1} << 20;
  void* const some = std::malloc(kLittle);
  std::free(some);
  return some == nullptr;
}

[[noreturn]] void end_program() {
  if (const std::exception_ptr reason = std::current_exception()) {
    try {
      std::rethrow_exception(reason);
    } catch (const std::bad_alloc&) {
      _exit(tell_shortage());
    } catch (...) {  // for the usual handler, which names it
      if (usual_handler != nullptr) usual_handler();
    }
  }
  if (memory_is_short()) _exit(tell_shortage());
  if (usual_handler != nullptr) usual_handler();
  std::abort();
}

}  // namespace

void explain_shortage_at_termination() {
  usual_handler = std::set_terminate(end_program);
}

int tell_shortage() {
  constexpr std::string_view kText = "perilune: not enough memory\n";
  (void)!::write(STDERR_FILENO, kText.data(), kText.size());
  return kCannotRun;
}

}  // namespace perilune::cli
