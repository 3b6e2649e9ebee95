#include "base/command.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/capabilities.h"
#include "base/file_descriptor.h"

namespace perilune {

namespace {

/// A nameless file in memory: unlike a pipe it cannot fill up, so it need not be read while the program runs.
Result<FileDescriptor> memory_file(const std::string& content) {
  FileDescriptor file(memfd_create("perilune", MFD_CLOEXEC));
  if (!file) return errno_error("make a file in memory", errno);
  size_t written = 0;
  while (written < content.size()) {
    const ssize_t count = write(file.get(), content.data() + written, content.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error("write a file in memory", errno);
    written += static_cast<size_t>(count);
  }
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

/// All of it: half of a list of rules would say that the others are not there.
Result<std::string> content_of(const FileDescriptor& file) {
  std::string content;
  std::array<char, 4096> piece{};
  ssize_t count = 0;
  while ((count = pread(file.get(), piece.data(), piece.size(), static_cast<off_t>(content.size()))) > 0) {
    content.append(piece.data(), static_cast<size_t>(count));
  }
  if (count < 0) return errno_error("read what a command wrote", errno);
  return content;
}

/// posix_spawn's two argument objects: what the program's descriptors and signals are.
class SpawnSetup {
 public:
  SpawnSetup(int input, int output, int errors) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO);
    // A process group of its own: Ctrl-C must not kill the command that takes the rule away. No signal stays blocked.
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

std::string find_program(const std::string& name) {
  const char* path = secure_getenv("PATH");  // null when the file has capabilities: the user may not choose then
  std::string folders = path == nullptr ? "" : path;
  folders += ":/usr/sbin:/sbin:/usr/local/sbin";
  std::string_view rest = folders;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    if (folder.empty() || folder.front() != '/') continue;  // what lies in the working directory is not to be trusted
    std::string candidate = fmt::format("{}/{}", folder, name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

Result<CommandResult> run_command(const std::vector<std::string>& arguments, const std::string& input) {
  const std::string program = find_program(arguments.front());
  if (program.empty()) return system_error(fmt::format("the program {} is not installed", arguments.front()));
  auto in = memory_file(input);
  auto out = memory_file({});
  auto err = memory_file({});
  if (!in || !out || !err) return system_error("cannot make files in memory for " + arguments.front());

  std::vector<std::string> copies = arguments;
  std::vector<char*> pointers;
  pointers.reserve(copies.size() + 1);
  for (std::string& copy : copies)
    pointers.push_back(copy.data());
  pointers.push_back(nullptr);
  // English messages, whatever the user's language: they are read and passed on.
  std::string language = "LC_ALL=C";
  std::string search = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  std::array<char*, 3> environment{language.data(), search.data(), nullptr};

  const SpawnSetup setup(in->get(), out->get(), err->get());
  const InheritedCapabilities inherited;
  pid_t pid = 0;
  const int code =
      posix_spawn(&pid, program.c_str(), &setup.actions_, &setup.attributes_, pointers.data(), environment.data());
  if (code != 0) return errno_error("run " + program, code);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return errno_error("wait for " + program, errno);
  }
  auto output = content_of(*out);
  if (!output) return tl::make_unexpected(output.error());
  auto errors = content_of(*err);
  if (!errors) return tl::make_unexpected(errors.error());
  return CommandResult{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), std::move(*output),
                       std::move(*errors)};
}

bool says_missing(std::string_view errors) {
  // As nft and iptables 1.8 say it, of the table, of the kernel's part, and of the whole subsystem (which answers
  // EINVAL).
  constexpr std::array<std::string_view, 4> kMissing{"does not exist", "not supported", "No such file",
                                                     "Invalid argument"};
  return std::any_of(kMissing.begin(), kMissing.end(),
                     [errors](std::string_view text) { return errors.find(text) != std::string_view::npos; });
}

std::string to_line(const std::vector<std::string>& arguments) {
  std::string line;
  for (const std::string& argument : arguments) {
    if (!line.empty()) line += ' ';
    line += argument;
  }
  return line;
}

}  // namespace perilune
