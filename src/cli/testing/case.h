// From the table that a test file returned to its cases.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/testing/file.h"

namespace perilune::cli {

/// Reads all cases of `file_table`; its named fields are defaults for each of them. `path` is the test file: scripts
/// and captures are found from its folder, and where no script is named, it is the one that the test is named after
/// (ssh.test.lua: ssh.lua).
[[nodiscard]] Result<std::vector<TestCase>> read_cases(const LuaValue& file_table, const std::string& path);

}  // namespace perilune::cli
