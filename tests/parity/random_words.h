// Pieces of text that random payloads are made of and random scripts look for, so that they meet.
#pragma once

#include <span>
#include <string>

namespace perilune::parity {

[[nodiscard]] std::span<const std::string> payload_words();
/// Short ones on which functions of strings and numbers decide: signs, spaces, digits of several bases, bytes beyond
/// the printable ones.
[[nodiscard]] std::span<const std::string> awkward_words();

}  // namespace perilune::parity
