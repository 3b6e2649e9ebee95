// `perilune test PATH...`: finds the test files, runs their cases, tells the results.
#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>

#include "base/file_descriptor.h"
#include "cli/command.h"
#include "cli/confined.h"
#include "cli/help.h"
#include "cli/terminal.h"
#include "cli/testing/output.h"

namespace perilune::cli {
namespace {

constexpr const char* kExamples = R"(
A test is a Lua file that returns a table of cases; ssh.test.lua tests ssh.lua:

  return {
    { 'a banner of OpenSSH 6.4 is blocked',
      packets = { packet.tcp{dport = 22, payload = 'SSH-2.0-OpenSSH_6.4\r\n'},
                  packet.tcp{dport = 22, payload = 'SSH-2.0-OpenSSH_9.2\r\n'} },
      expect = { 'block', 'pass' } },
    { 'a recorded session', capture = 'session.pcapng', expect = { [7] = 'block', others = 'pass' } },
  }

Cases may also say what packets look like afterwards (after), what maps hold (maps), what was logged (logs), which script
errors happen (errors) and with which options the script runs (options). docs/testing.md has it all.

Examples:
  perilune test ssh.test.lua             one file
  perilune test .                        all *.test.lua here and below
  perilune test . -k banner              only cases with 'banner' in their name
  perilune test . --junit report.xml     for build servers

Exit status: 0 all passed; 1 a case failed, or a test file is wrong; 2 it cannot run here.)";

struct TestOptions {
  std::vector<std::string> paths;
  std::string name;
  std::string junit;
  bool tap = false;
};

/// All *.test.lua in the folder and below, sorted; hidden folders are left out.
Result<std::vector<std::string>> files_below(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  std::error_code code;
  fs::recursive_directory_iterator entry(folder, code);
  for (; !code && entry != fs::recursive_directory_iterator(); entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory(code) && name.starts_with('.')) {
      entry.disable_recursion_pending();
    } else if (name.ends_with(".test.lua") && entry->is_regular_file(code)) {
      files.push_back(entry->path().string());
    }
  }
  if (code) return input_error(fmt::format("cannot read the folder {}: {}", folder, code.message()));
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::vector<std::string>> find_files(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code code;
    if (!std::filesystem::is_directory(path, code)) {
      files.push_back(path);
      continue;
    }
    Result<std::vector<std::string>> below = files_below(path);
    if (!below) return tl::make_unexpected(below.error());
    if (below->empty())
      return input_error(fmt::format("no *.test.lua in {} or below", path),
                         "name test files like the script: ssh.test.lua");
    files.insert(files.end(), below->begin(), below->end());
  }
  return files;
}

int test(const TestOptions& options) {
  if (options.paths.empty()) {
    return print_error(
        input_error("no test file or folder given", "perilune test . runs all *.test.lua here and below").value());
  }
  const Result<std::vector<std::string>> files = find_files(options.paths);
  if (!files) return print_error(files.error());

  FileDescriptor junit;
  if (!options.junit.empty()) {
    if (options.junit.ends_with(".lua")) {
      return print_error(
          input_error(fmt::format("--junit: {} is a Lua file: writing it would destroy it", options.junit),
                      "name another file, such as report.xml")
              .value());
    }
    junit = FileDescriptor(::open(options.junit.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    if (!junit) return print_error(errno_error(fmt::format("write {}", options.junit), errno).value());
  }
  confine_to_scripts();

  const std::unique_ptr<TestOutput> output = options.tap ? test_tap_output() : test_text_output();
  std::vector<TestResult> results;
  const auto add = [&](TestResult result) {
    output->result(result);
    results.push_back(std::move(result));
  };
  for (const std::string& path : *files) {
    auto file = TestFile::load(path);
    if (!file) {
      TestResult broken{path, "(the test file itself)", {}, 0};
      for (const Diagnostic& diagnostic : file.error())
        broken.failures.push_back(to_text(diagnostic));
      add(std::move(broken));
      continue;
    }
    for (const TestCase& one : (*file)->cases()) {
      if (one.name.find(options.name) != std::string::npos) add(run_case(**file, one));
    }
  }
  const auto failed = static_cast<uint64_t>(
      std::count_if(results.begin(), results.end(), [](const TestResult& result) { return !result.passed(); }));
  output->end(results.size() - failed, failed);
  if (results.empty()) {
    return print_error(input_error(fmt::format("no case has '{}' in its name", options.name)).value());
  }
  if (junit) {
    const Result<void> written = write_junit(junit, options.junit, results);
    if (!written) return print_error(written.error());
  }
  return failed == 0 ? kDone : kInputAtFault;
}

}  // namespace

Command add_test(CLI::App& program) {
  CLI::App* app = program.add_subcommand("test", "Run the tests of scripts");
  app->formatter(std::make_shared<Help>("Usage: perilune test PATH... [OPTIONS]"));
  const auto options = std::make_shared<TestOptions>();
  app->add_option("PATH", options->paths, "Test files, or folders with *.test.lua");
  app->add_option("-k", options->name, "Only cases with this in their name")->type_name("TEXT");
  app->add_option("--junit", options->junit, "Write the results as JUnit XML too")->type_name("FILE");
  app->add_flag("--tap", options->tap, "Print the results as TAP version 13");
  app->footer(kExamples);
  return {app, [options] { return test(*options); }};
}

}  // namespace perilune::cli
