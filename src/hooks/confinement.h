// What a process that judges packets may still do once it judges: no capability that it does not need, and few system
// calls.
//
// Packets and captures come from strangers, and scripts from people who are not root. Should either find a mistake in
// this process, little can be done with it: no program can be started, no file written that is not open, no socket
// made, no other process reached. How much is left depends on the work:
//
//   live      no file is opened and no memory made executable. CAP_NET_ADMIN stays with the threads that serve queues,
//             because the kernel asks for it at every verdict; it can be used through the sockets that are open.
//   captures  files are opened to be read, while there are more to come; then none. No memory is made executable.
//   scripts   (check, test, explain) files and folders are read, and machine code is made of the scripts.
//
// Whoever may read everybody's files (root) may still read them while files are opened: CAP_DAC_READ_SEARCH is kept
// so long.
#pragma once

#include <string>

#include "base/result.h"

namespace perilune::hooks {

enum class Work { kLive, kCaptures, kLastCapture, kScripts };

/// Before the threads of a live run are started: they and this one keep CAP_NET_ADMIN alone.
[[nodiscard]] Result<void> give_up_capabilities();

/// After threads were started and what the work does not open is open: this thread gives up its capabilities, and all
/// threads every system call that the work does not need. One that is not allowed ends the process with a message and
/// exit status 2; a divert rule then stays. kLastCapture may follow kCaptures; nothing else may follow anything.
[[nodiscard]] Result<void> confine_process(Work work);

/// The same for work that needs no privileges and can be done without being confined: where the kernel or a container
/// does not allow it, a warning is given back, and empty text otherwise.
[[nodiscard]] std::string confine_if_possible(Work work);

}  // namespace perilune::hooks
