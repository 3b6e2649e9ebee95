// Pieces of text that random payloads are made of and random scripts look for, so that they meet.
#pragma once

#include <span>
#include <string>

namespace perilune::parity {

[[nodiscard]] std::span<const std::string> payload_words();

}  // namespace perilune::parity
