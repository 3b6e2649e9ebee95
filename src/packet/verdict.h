// What is to happen to a packet, and who said so.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace perilune::packet {

enum class Verdict : uint8_t {
  kPass,
  kBlock,
  kReject,  // block, and tell the sender: TCP RST or ICMP unreachable (RFC 792, 4443, 9293)
  kReply,   // send the modified packet back to where it came from, where the hook can
};

[[nodiscard]] constexpr std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kBlock:
      return "block";
    case Verdict::kReject:
      return "reject";
    case Verdict::kReply:
      return "reply";
  }
  return "block";
}

[[nodiscard]] constexpr std::optional<Verdict> parse_verdict(std::string_view name) {
  if (name == "pass") return Verdict::kPass;
  if (name == "block") return Verdict::kBlock;
  if (name == "reject") return Verdict::kReject;
  if (name == "reply") return Verdict::kReply;
  return std::nullopt;
}

/// Who decided.
enum class Cause : uint8_t {
  kScript,     // the script returned a verdict
  kDefault,    // the script had no opinion
  kMalformed,  // the headers lie; the script was not asked
  kError,      // the script failed: the on-error verdict
  kNotIp,      // no IP header; the script was not asked
};

[[nodiscard]] constexpr std::string_view to_string(Cause cause) {
  switch (cause) {
    case Cause::kScript:
      return "script";
    case Cause::kDefault:
      return "default";
    case Cause::kMalformed:
      return "malformed";
    case Cause::kError:
      return "error";
    case Cause::kNotIp:
      return "not-ip";
  }
  return "error";
}

}  // namespace perilune::packet
