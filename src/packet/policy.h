// What becomes of packets about which the script does not decide. One for every engine, hook and command.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "event/slot.h"
#include "packet/verdict.h"

namespace perilune::packet {

/// Frames without an IP header: a verdict without asking the script, or the script's.
enum class NonIp : uint8_t { kPass, kBlock, kAsk };
inline constexpr std::array kNonIpChoices{NonIp::kPass, NonIp::kBlock, NonIp::kAsk};

struct Policy {
  Verdict on_error = Verdict::kBlock;      // the script failed on the packet
  Verdict on_malformed = Verdict::kBlock;  // its headers lie; the script is not asked
  Verdict on_default = Verdict::kPass;     // the script had no opinion
  NonIp non_ip = NonIp::kPass;

  bool operator==(const Policy&) const = default;
};

[[nodiscard]] constexpr std::string_view to_string(NonIp choice) {
  switch (choice) {
    case NonIp::kPass:
      return "pass";
    case NonIp::kBlock:
      return "block";
    case NonIp::kAsk:
      return "ask";
  }
  return "block";
}

[[nodiscard]] constexpr std::optional<NonIp> parse_non_ip(std::string_view name) {
  for (const NonIp choice : kNonIpChoices)
    if (name == to_string(choice)) return choice;
  return std::nullopt;
}

/// As compiled code answers (event/slot.h).
[[nodiscard]] constexpr uint32_t code_of(Verdict verdict) {
  return static_cast<uint32_t>(verdict);
}
static_assert(code_of(Verdict::kPass) == PL_PASS && code_of(Verdict::kBlock) == PL_BLOCK &&
              code_of(Verdict::kReject) == PL_REJECT && code_of(Verdict::kReply) == PL_REPLY);

/// As a runtime reads it: PL_NO_OPINION asks the script.
[[nodiscard]] constexpr uint32_t code_of(NonIp choice) {
  switch (choice) {
    case NonIp::kPass:
      return PL_PASS;
    case NonIp::kBlock:
      return PL_BLOCK;
    case NonIp::kAsk:
      return PL_NO_OPINION;
  }
  return PL_BLOCK;
}

}  // namespace perilune::packet
