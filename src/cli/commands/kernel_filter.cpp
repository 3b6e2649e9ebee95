#include "cli/commands/kernel_filter.h"

#include <chrono>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "base/file_descriptor.h"
#include "bpf/hook.h"
#include "cli/options.h"
#include "cli/stream.h"
#include "cli/terminal.h"
#include "engine/loaded_script.h"

namespace perilune::cli {
namespace {

/// For one packet. Below the 8,388,608 iterations after which the kernel leaves a loop by itself (before Linux 6.15;
/// later ones do after 250 ms): an endless loop ends by the script's own budget, which its error names, and soon.
constexpr uint64_t kMostInstructions = 8'000'000;

/// Log lines of the main chunk.
class LoadLog final : public script::EventSink {
 public:
  explicit LoadLog(const std::string& script) : script_(script) {}
  void on_log(uint64_t /*event*/, uint32_t line, std::string_view text) override {
    print_to(stderr, "{}:{}: {}\n", printable(script_), line, printable(text));
  }

 private:
  const std::string& script_;
};

/// Writes the verifier's log to a new file, in a new folder that is ours alone: in a folder for everybody's temporary
/// files, others could have put a symbolic link under any name that can be foretold. The result is the file's path.
Result<std::string> keep_log(const std::string& name, const std::string& log) {
  std::error_code code;
  std::string folder = std::filesystem::temp_directory_path(code) / "perilune-XXXXXX";
  if (code) return errno_error("find a folder for temporary files", code.value());
  if (mkdtemp(folder.data()) == nullptr) return errno_error(fmt::format("make {}", folder), errno);
  std::string path = fmt::format("{}/{}-verifier.log", folder, name);
  const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return errno_error(fmt::format("make {}", path), errno);
  for (std::string_view left = log; !left.empty();) {
    const ssize_t written = write(file.get(), left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno_error(fmt::format("write {}", path), errno);
    left.remove_prefix(static_cast<size_t>(written));
  }
  return path;
}

}  // namespace

void declare_judging(CLI::App& app, JudgingWords& words, bool keeps) {
  const auto default_is = [keeps](const char* text) {
    return keeps ? std::string() : fmt::format(" (default: {})", text);
  };
  const std::string judging = keeps ? "Judging (what is not given stays as it is)" : "Judging";
  app.add_option("--function", words.function, "The function to call for each packet" + default_is("filter"))
      ->type_name("NAME")
      ->group(judging);
  declare_policy(app, words.policy, judging, keeps);
  app.add_option("--instructions", words.instructions, "Instructions for one packet, 8M at most" + default_is("1M"))
      ->type_name("N")
      ->group(judging);
  app.add_option("--memory", words.memory, "Memory of the script while it is loaded" + default_is("64M"))
      ->type_name("SIZE")
      ->group(judging);
}

Result<bpf::FilterOptions> understand_judging(const JudgingWords& words, bpf::FilterOptions options) {
  if (!words.function.empty()) options.function = words.function;
  options.policy = understand_policy(words.policy, options.policy);
  for (const Result<void>& result : {read_count("--instructions", words.instructions, options.instructions),
                                     read_bytes("--memory", words.memory, options.memory)}) {
    if (!result) return tl::make_unexpected(result.error());
  }
  if (options.instructions > kMostInstructions) {
    return input_error(fmt::format("--instructions: {} is more than a filter in the kernel may take for one packet, {}",
                                   options.instructions, kMostInstructions),
                       "while it judges, its processor does nothing else; ask for fewer");
  }
  return options;
}

tl::expected<bpf::Installation, int> compile_for_kernel(const std::string& name, const std::string& script,
                                                        const bpf::FilterOptions& options,
                                                        const std::vector<bpf::AttachPoint>& points) {
  const auto start = std::chrono::steady_clock::now();
  const auto fail = [](const Diagnostics& diagnostics) {
    print_diagnostics(diagnostics, stderr);
    return tl::make_unexpected(1);
  };
  bpf::Installation installation;
  installation.name = name;
  installation.options = options;
  std::error_code ignored;
  installation.script = std::filesystem::absolute(script, ignored).lexically_normal();

  LoadLog log(script);
  engine::LoadOptions loading;
  loading.state.function = options.function;
  loading.state.events = &log;
  if (options.memory != 0) loading.state.limits.memory = options.memory;
  loading.state.limits.call_instructions = options.instructions;  // which the message names when they are spent
  const auto loaded = engine::LoadedScript::load(script, loading);
  if (!loaded) return fail(loaded.error());
  installation.text = loaded->text();
  for (const bpf::AttachPoint& point : points) {
    auto compiled = loaded->compile(point.hook->target(point), options.policy);
    if (!compiled) {
      auto failed = fail(compiled.error());
      if (points.size() > 1) print_to(stderr, "perilune: note: this is about {}\n", printable(to_string(point)));
      return failed;
    }
    installation.images.push_back(std::move(compiled->image));
  }
  installation.compile_ns = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start).count());
  return installation;
}

int refuse_installation(const Error& error, const std::string& name, const std::string& verifier_log) {
  if (verifier_log.empty()) return print_error(error);
  const Result<std::string> kept = keep_log(name, verifier_log);
  Error with_log = error;
  const std::string where = kept ? fmt::format("the verifier's log is in {}", *kept)
                                 : fmt::format("its log could not be kept: {}", kept.error().message);
  with_log.hint = error.hint.empty() ? where : fmt::format("{}\n{}", error.hint, where);
  return print_error(with_log);
}

}  // namespace perilune::cli
