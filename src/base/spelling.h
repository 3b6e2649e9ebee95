// The known word a misspelt one was meant to be, for messages that help.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace perilune {

/// The candidate with the fewest edits (insert, delete, replace, swap of neighbours) from `word`, when they are few
/// enough to be a slip: at most a third of its length, at least one. Of several, the one
/// that begins like it. Empty when none is. Allocates nothing.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// "did you mean 'pass'?", or empty.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

/// " (did you mean 'pass'?)", to follow the word in a message, or empty.
[[nodiscard]] std::string aside(const std::string& question);

}  // namespace perilune
