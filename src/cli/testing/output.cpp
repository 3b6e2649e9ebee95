#include "cli/testing/output.h"

#include <cerrno>
#include <cstdio>
#include <map>
#include <string_view>

#include <unistd.h>

#include "cli/stream.h"
#include "cli/terminal.h"

namespace perilune::cli {
namespace {

/// Calls `each` for every line.
template <typename Each>
void for_lines(std::string_view text, Each each) {
  while (true) {
    const size_t end = text.find('\n');
    each(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

class TextOutput final : public TestOutput {
 public:
  void result(const TestResult& result) override {
    const bool passed = result.passed();
    print_to(stdout, "{}  {}: {}\n", palette_.paint(passed ? Colour::kGreen : Colour::kRed, passed ? "ok  " : "FAIL"),
             printable(result.file), printable(result.name));
    for (const std::string& failure : result.failures) {
      for_lines(failure, [](std::string_view line) { print_to(stdout, "      {}\n", printable(line)); });
    }
  }
  void end(uint64_t passed, uint64_t failed) override {
    print_to(stdout, "{}\n",
             palette_.paint(failed == 0 ? Colour::kGreen : Colour::kRed,
                            fmt::format("{} passed, {} failed", passed, failed)));
  }

 private:
  Palette palette_{STDOUT_FILENO};
};

class TapOutput final : public TestOutput {
 public:
  TapOutput() { print_to(stdout, "TAP version 13\n"); }
  void result(const TestResult& result) override {
    std::string name = printable(fmt::format("{}: {}", result.file, result.name));
    for (size_t at = 0; (at = name.find('#', at)) != std::string::npos; at += 2)
      name.insert(at, 1, '\\');  // # starts a directive
    print_to(stdout, "{} {} - {}\n", result.passed() ? "ok" : "not ok", ++count_, name);
    for (const std::string& failure : result.failures) {
      for_lines(failure, [](std::string_view line) { print_to(stdout, "# {}\n", printable(line)); });
    }
  }
  void end(uint64_t passed, uint64_t failed) override {
    print_to(stdout, "1..{}\n# {} passed, {} failed\n", count_, passed, failed);
  }

 private:
  uint64_t count_ = 0;
};

/// Text that is safe inside an XML attribute or element.
std::string xml(std::string_view text) {
  std::string safe;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string junit_case(const TestResult& result) {
  std::string text = fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"", xml(result.file),
                                 xml(result.name), result.seconds);
  if (result.passed()) return text + "/>\n";
  std::string first;
  for_lines(result.failures.front(), [&](std::string_view line) {
    if (first.empty()) first = line;
  });
  text += fmt::format(">\n      <failure message=\"{}\">", xml(first));
  for (const std::string& failure : result.failures) {
    for_lines(failure, [&](std::string_view line) { text += xml(line) + "\n"; });
  }
  return text + "</failure>\n    </testcase>\n";
}

}  // namespace

std::unique_ptr<TestOutput> test_text_output() {
  return std::make_unique<TextOutput>();
}

std::unique_ptr<TestOutput> test_tap_output() {
  return std::make_unique<TapOutput>();
}

Result<void> write_junit(const FileDescriptor& out, const std::string& path, const std::vector<TestResult>& results) {
  std::map<std::string, std::vector<const TestResult*>> files;
  for (const TestResult& result : results)
    files[result.file].push_back(&result);
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  for (const auto& [file, cases] : files) {
    size_t failed = 0;
    double seconds = 0;
    std::string body;
    for (const TestResult* result : cases) {
      if (!result->passed()) ++failed;
      seconds += result->seconds;
      body += junit_case(*result);
    }
    text += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" time=\"{:.3f}\">\n{}  </testsuite>\n",
                        xml(file), cases.size(), failed, seconds, body);
  }
  text += "</testsuites>\n";
  if (::ftruncate(out.get(), 0) != 0 && errno != EINVAL) {  // EINVAL: a pipe or a terminal
    return errno_error(fmt::format("write {}", path), errno);
  }
  for (std::string_view left = text; !left.empty();) {
    const ssize_t written = ::write(out.get(), left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno_error(fmt::format("write {}", path), errno);
    left.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

}  // namespace perilune::cli
