// Text for standard output and standard error that a command prints by itself (packet lines go through output.h).
//
// fmt::print throws when the stream cannot be written, and an exception that is not caught ends the process: a full
// disk behind standard error would end a firewall. Here a failure is remembered instead and reported at the end of the
// command, see finish_streams().
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace perilune::cli {

/// From now on standard error never makes its writer wait longer than a moment: what has no room (a full pipe that
/// is not read) is dropped and counted, as output.h says of standard output. Called once, before threads are started.
void drop_errors_that_cannot_be_written();
/// Pieces of text that were dropped, each a line; may be called from any thread.
[[nodiscard]] uint64_t lost_error_lines();

/// Opens a placeholder for each of the descriptors 0, 1 and 2 that is closed, so that no file of ours takes its number
/// and gets text meant for people. Standard output's placeholder cannot be written, so that the loss is noticed.
void open_missing_streams();
/// Was standard input closed? What is there instead is empty.
[[nodiscard]] bool standard_input_is_closed();

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

/// To be called when something was changed that stays after this command, such as "ssh: loaded at xdp:eth0", before it
/// is said on standard output.
void note_change(std::string what);

/// Writes what is still in the buffers. When standard output lost text to anything but a reader that went away (`|
/// head`), standard error says so. Returns `status`, or that of a command that cannot run here when text was lost and
/// telling it was all there was to do. After a change the status tells whether that was made: it need not be done again
/// because a disk is full.
[[nodiscard]] int finish_streams(int status);

}  // namespace perilune::cli
