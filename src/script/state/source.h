// Where script text comes from: files read whole, checked to be text, and found only inside the script's folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/diagnostic.h"

namespace perilune::script {

/// A compiled text as the user knows it, and as Lua writes it in messages (cut in front when it is long).
struct Chunk {
  std::string name;
  std::string short_name;
};

/// What loading a script compiled, and what its main chunk returned; kept also when loading fails.
struct LoadRecord {
  struct Source {
    std::string name;  // for messages
    std::string text;
  };
  std::vector<Source> sources;  // the script, then the modules in the order they were required
  std::string returned;         // the type of the main chunk's first result: a module returns a table; empty: nothing
};

/// Lua's own shortening of a chunk's name in messages.
[[nodiscard]] std::string short_chunk_name(std::string_view name);

/// Reads the script at `path`, which may be a pipe. A byte order mark and a first line that starts with '#' are
/// blanked. Diagnostics: "cannot-read", "bytecode", "limit".
[[nodiscard]] tl::expected<std::string, Diagnostics> read_script(const std::string& path);

/// Checks and cleans text that did not come from a file, as read_script does.
[[nodiscard]] tl::expected<std::string, Diagnostics> clean_text(std::string text, const std::string& name);

/// The folder a path is in, as it can be opened: "." when it names none.
[[nodiscard]] std::string folder_of(const std::string& path);

/// What `require 'name'` found.
struct ModuleFile {
  enum class Outcome { kFound, kBadName, kMissing, kOutside, kUnreadable };
  Outcome outcome = Outcome::kMissing;
  std::string path;     // the name for messages: folder + name with dots as slashes + ".lua"
  std::string text;     // kFound
  std::string problem;  // otherwise: a sentence
};

/// Looks for the module `name` in `folder`: 'a.b' is a/b.lua. Never leaves the folder, not through symbolic links
/// either.
[[nodiscard]] ModuleFile find_module(const std::string& folder, std::string_view name);

}  // namespace perilune::script
