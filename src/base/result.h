// What can fail returns Result<T>: the value, or an Error that says what was tried, on what, and what to do.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <tl/expected.hpp>

namespace perilune {

/// Whose fault a failure is; decides the exit status (1: the user's input, 2: it cannot run here).
enum class Fault { kInput, kSystem };

/// A failure with its context. `message` is one sentence without a final full stop; `hint` says what to do, or is
/// empty.
struct Error {
  Fault fault = Fault::kSystem;
  std::string message;
  std::string hint;

  [[nodiscard]] int exit_status() const { return fault == Fault::kInput ? 1 : 2; }
};

template <typename T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> input_error(std::string message, std::string hint = {}) {
  return tl::make_unexpected(Error{Fault::kInput, std::move(message), std::move(hint)});
}

[[nodiscard]] inline tl::unexpected<Error> system_error(std::string message, std::string hint = {}) {
  return tl::make_unexpected(Error{Fault::kSystem, std::move(message), std::move(hint)});
}

/// A failed system call: "cannot WHAT: REASON (ERRNO NAME)".
[[nodiscard]] inline tl::unexpected<Error> errno_error(const std::string& what, int code, std::string hint = {}) {
  const char* name = strerrorname_np(code);
  return tl::make_unexpected(
      Error{Fault::kSystem, fmt::format("cannot {}: {} ({})", what, strerror(code), name == nullptr ? "?" : name),
            std::move(hint)});
}

}  // namespace perilune
