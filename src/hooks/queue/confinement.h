// What a live run may still do once it judges: no capability but one, and few system calls.
//
// Packets come from strangers and scripts from people who are not root. Should either find a mistake in this process,
// little can be done with it: no file can be opened, no program started, no memory made executable, no socket made.
// CAP_NET_ADMIN stays with the threads that serve queues, because the kernel asks for it at every verdict; it can be
// used through the sockets that are open already.
#pragma once

#include "base/result.h"

namespace perilune::hooks {

/// Before threads are started: they and this one keep CAP_NET_ADMIN alone.
[[nodiscard]] Result<void> give_up_capabilities();

/// After threads were started and all files and sockets are open: this thread gives up CAP_NET_ADMIN too, and all
/// threads every system call that judging does not need. One that is not allowed ends the process with a message and
/// exit status 2; a divert rule then stays.
[[nodiscard]] Result<void> confine_process();

}  // namespace perilune::hooks
