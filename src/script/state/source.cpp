#include "script/state/source.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_descriptor.h"
#include "script/state/text.h"

namespace perilune::script {
namespace {

constexpr size_t kLongestSource = size_t{64} << 20;

tl::unexpected<Diagnostics> problem(std::string code, const std::string& file, std::string message,
                                    std::string hint = {}) {
  Diagnostic diagnostic;
  diagnostic.code = std::move(code);
  diagnostic.file = file;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  return tl::make_unexpected(Diagnostics{std::move(diagnostic)});
}

tl::unexpected<Diagnostics> too_long(const std::string& file) {
  return problem("limit", file, fmt::format("the script is longer than {}", size_text(kLongestSource)),
                 "move data into files of their own and load those with require, or check that this is a Lua script");
}

/// Reads until the end. 0, or an errno; EFBIG when there is more than may be.
int read_all(int fd, std::string& text) {
  std::string buffer(size_t{64} << 10, '\0');
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return 0;
    text.append(buffer, 0, static_cast<size_t>(count));
    if (text.size() > kLongestSource) return EFBIG;
  }
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr), &std::free);
  return resolved ? std::string(resolved.get()) : std::string();
}

/// A module's name made a path: letters, digits, '_' and '-', with dots between the parts. Empty: it is not one.
std::string module_path(std::string_view name) {
  std::string path;
  bool part_begins = true;
  for (const char c : name) {
    if (c == '.') {
      if (part_begins) return {};
      path += '/';
      part_begins = true;
      continue;
    }
    const bool allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!allowed) return {};
    path += c;
    part_begins = false;
  }
  if (part_begins || path.size() > NAME_MAX) return {};
  return path + ".lua";
}

}  // namespace

std::string short_chunk_name(std::string_view name) {
  constexpr size_t kLongest = 59;  // LUA_IDSIZE without the terminating zero
  if (name.size() <= kLongest) return std::string(name);
  return "..." + std::string(name.substr(name.size() - (kLongest - 3)));
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

tl::expected<std::string, Diagnostics> clean_text(std::string text, const std::string& name) {
  if (text.size() > kLongestSource) return too_long(name);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  if (text.starts_with('#')) {
    const size_t end = text.find('\n');
    text.erase(0, end);  // the line feed stays: line numbers do too
  }
  if (text.starts_with('\x1b')) {
    return problem("bytecode", name, "this is compiled Lua (bytecode), not text: it cannot be checked and is refused",
                   "give the script's source text instead of the output of luac or string.dump");
  }
  return text;
}

tl::expected<std::string, Diagnostics> read_script(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    const int code = errno;
    return problem("cannot-read", path, fmt::format("cannot open the script: {}", strerror(code)),
                   code == ENOENT ? "check the spelling of the path" : "");
  }
  struct stat status {};
  if (::fstat(file.get(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return problem("cannot-read", path, "this is a directory, not a script", "name a .lua file in it");
  }
  std::string text;
  const int code = read_all(file.get(), text);
  if (code == EFBIG) return too_long(path);
  if (code != 0) return problem("cannot-read", path, fmt::format("cannot read the script: {}", strerror(code)));
  return clean_text(std::move(text), path);
}

ModuleFile find_module(const std::string& folder, std::string_view name) {
  ModuleFile module;
  const std::string relative = module_path(name);
  if (relative.empty()) {
    module.outcome = ModuleFile::Outcome::kBadName;
    module.problem =
        "a module is named by letters, digits, '_' and '-', with dots between the names of folders and file";
    return module;
  }
  module.path = folder == "." ? relative : (folder.ends_with('/') ? folder : folder + "/") + relative;
  const std::string root = real_path(folder);
  const std::string target = real_path(module.path);
  if (root.empty() || target.empty()) {
    module.outcome =
        errno == ENOENT || errno == ENOTDIR ? ModuleFile::Outcome::kMissing : ModuleFile::Outcome::kUnreadable;
    module.problem = fmt::format("no file '{}'", printable(module.path));
    if (module.outcome == ModuleFile::Outcome::kUnreadable) {
      module.problem = fmt::format("cannot read '{}': {}", printable(module.path), strerror(errno));
    }
    return module;
  }
  if (root != "/" && !target.starts_with(root + "/")) {
    module.outcome = ModuleFile::Outcome::kOutside;
    module.problem = fmt::format("'{}' leads out of the script's folder", printable(module.path));
    return module;
  }
  module.outcome = ModuleFile::Outcome::kUnreadable;
  // Opened by the resolved name: following no link now, and not waiting if it is a pipe.
  const FileDescriptor file(::open(target.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) {
    module.problem = fmt::format("cannot read '{}': {}", printable(module.path), strerror(errno));
    return module;
  }
  if (!S_ISREG(status.st_mode)) {
    module.problem = fmt::format("'{}' is not an ordinary file", printable(module.path));
    return module;
  }
  std::string text;
  const int code = read_all(file.get(), text);
  if (code != 0) {
    module.problem = fmt::format("cannot read '{}': {}", printable(module.path), strerror(code));
    return module;
  }
  auto cleaned = clean_text(std::move(text), module.path);
  if (!cleaned) {
    module.problem = fmt::format("'{}': {}", printable(module.path), cleaned.error().front().message);
    return module;
  }
  module.outcome = ModuleFile::Outcome::kFound;
  module.text = std::move(*cleaned);
  return module;
}

}  // namespace perilune::script
