// What is said when memory runs out.
//
// Allocations throw std::bad_alloc. Where the program's main thread can be unwound, main's caller catches it, and what
// was begun is taken back. In other threads, and in functions that must not throw, C++ ends the program: then the
// message is written first and the program ends at once. A live run leaves its rule in place, as when it is killed, so
// nothing passes unjudged.
#pragma once

namespace perilune::cli {

/// From now on std::terminate() tells of a shortage of memory, if that is the reason, instead of dumping core.
void explain_shortage_at_termination();

/// Says it on standard error, without needing memory; returns the exit status.
int tell_shortage();

}  // namespace perilune::cli
