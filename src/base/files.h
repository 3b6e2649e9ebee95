// Questions about files that have three answers: yes, no, and "it cannot be known".
//
// Only an answer that says so means that something is missing. Everything else that can go wrong (no memory, no free
// descriptor, no permission) is an error: who took it for a "no" would remove or replace what is there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "base/result.h"

namespace perilune {

/// What the path leads to; nothing: there is no such file. `follow`: symbolic links are followed.
[[nodiscard]] Result<std::optional<struct stat>> file_status(const std::string& path, bool follow);
[[nodiscard]] Result<bool> exists(const std::string& path);
/// Names in a folder, sorted; none when there is no such folder.
[[nodiscard]] Result<std::vector<std::string>> names_in(const std::string& path);
/// Does the path lead into a bpf file system? One that is not there, or that this process may not look at, does not.
[[nodiscard]] Result<bool> is_bpffs(const std::string& path);

/// All of a small file, such as those of /proc. Nothing: it is not there, or not for this process to read.
[[nodiscard]] Result<std::optional<std::string>> read_file(const std::string& path);

}  // namespace perilune
