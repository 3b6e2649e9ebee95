// Commands that read scripts and need no privileges give up what they do not need.
#pragma once

namespace perilune::cli {

/// From here on this process reads files and runs scripts, and writes only what is open: see hooks/confinement.h. Says
/// so when that is not possible here, and goes on.
void confine_to_scripts();

}  // namespace perilune::cli
