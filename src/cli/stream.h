// Text for standard output and standard error that a command prints by itself (packet lines go through output.h).
//
// fmt::print throws when the stream cannot be written, and an exception that nobody expects ends the process: a full
// disk behind standard error would end a firewall. Here a failure is remembered instead and told at the end of the
// command, see finish_streams().
#pragma once

#include <cstdio>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace perilune::cli {

/// Opens a placeholder for each of the descriptors 0, 1 and 2 that is closed, so that no file of ours takes its number
/// and gets text meant for people. Standard output's placeholder cannot be written, so that the loss is noticed.
void open_missing_streams();

/// Writes the text; a failure does not throw.
void write_to(std::FILE* stream, std::string_view text);

template <typename... Args>
void print_to(std::FILE* stream, fmt::format_string<Args...> format, Args&&... args) {
  fmt::memory_buffer text;
  fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
  write_to(stream, {text.data(), text.size()});
}

/// Writes what is in the stream's buffer. False: it could not be written, which finish_streams() tells.
[[nodiscard]] bool flush(std::FILE* stream);

/// Writes what is still in the buffers. Returns `status`, or that of a command that cannot run here when standard
/// output lost text to anything but a reader that went away (`| head`).
[[nodiscard]] int finish_streams(int status);

}  // namespace perilune::cli
