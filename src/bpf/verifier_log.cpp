#include "bpf/verifier_log.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace perilune::bpf {
namespace {

/// Lines at the end that are no complaint: statistics.
bool is_statistics(std::string_view line) {
  return line.starts_with("processed ") || line.starts_with("verification time") || line.starts_with("stack depth") ||
         line.starts_with("max_states") || line.empty();
}

/// An instruction or the state of registers, "12: (07) r1 += 8" or "R1=scalar() ...".
bool is_trace(std::string_view line) {
  const size_t digits = line.find_first_not_of("0123456789");
  if (digits != 0 && digits != std::string_view::npos && line[digits] == ':') return true;
  return line.starts_with("from ") || line.starts_with("mark_precise") || line.starts_with("last_idx");
}

/// What the verifier says where it gives up, possibly after an instruction that it has printed already.
std::string_view says_too_large(std::string_view line) {
  for (const std::string_view words : {"BPF program is too large", "The sequence of "}) {
    const size_t at = line.find(words);
    if (at != std::string_view::npos) return line.substr(at);
  }
  return {};
}

}  // namespace

VerifierComplaint read_verifier_log(const std::string& log, const std::vector<std::string>& files) {
  VerifierComplaint complaint;
  std::vector<std::string_view> lines;
  for (size_t begin = 0; begin < log.size();) {
    const size_t end = std::min(log.find('\n', begin), log.size());
    lines.emplace_back(log.data() + begin, end - begin);
    begin = end + 1;
  }
  while (!lines.empty() && is_statistics(lines.back()))
    lines.pop_back();
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    if (line->starts_with(";")) break;
    if (const std::string_view words = says_too_large(*line); !words.empty()) {
      complaint.too_large = true;
      complaint.message = words;
      break;
    }
    if (is_trace(*line)) continue;
    complaint.message = *line;
    break;
  }
  // "; if hdr:u8(1) > 3 then @ ssh.lua:12"
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    if (!line->starts_with("; ")) continue;
    std::string_view text = line->substr(2);
    const size_t at = text.rfind(" @ ");
    if (at != std::string_view::npos) {
      const std::string_view place = text.substr(at + 3);
      const size_t colon = place.rfind(':');
      const std::string file(place.substr(0, colon));
      if (colon != std::string_view::npos && std::ranges::find(files, file) != files.end()) {
        complaint.file = file;
        std::from_chars(place.data() + colon + 1, place.data() + place.size(), complaint.line);
      }
      text = text.substr(0, at);
    }
    complaint.source = text;
    break;
  }
  return complaint;
}

Error verifier_error(const std::string& program, const VerifierComplaint& complaint) {
  std::string place;
  if (complaint.line != 0) place = fmt::format(" at {}:{}", complaint.file, complaint.line);
  return {Fault::kSystem,
          fmt::format("the kernel's verifier rejected the program '{}'{}: {}", program, place,
                      complaint.message.empty() ? "no reason given" : complaint.message),
          "this is a fault of perilune, not of the script: please report it, with the script and the verifier's log"};
}

}  // namespace perilune::bpf
