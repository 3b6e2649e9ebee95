// What a log call sends through the ring buffer, and how that becomes text again.
//
//   record     struct pl_event (kind PL_EVENT_LOG, site: index into Image::logs), then one word a value, followed by
//              what the word says: tag in bits 0-7, length of a string in bits 8-31, bytes that follow in bits 32-63
//   tags       0 nil, 1 false, 2 true, 3 integer (8 bytes follow), 4 string
//   site.text  'f' and the format of log(format, ...); 'v': log(value); 'p': print(...)
//
// The text is put together in user space by the real string.format.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "ir/code.h"

namespace perilune::compiler {

enum class EventTag : uint8_t { kNil, kFalse, kTrue, kInteger, kString };

/// The line of a log event, as the lua engine would have made it. `values` is what follows struct pl_event. Broken
/// records give a text that says so.
[[nodiscard]] std::string log_text(const ir::Site& site, std::span<const uint8_t> values);

/// Does string.format take it? "%5d" it does, "%123d" and "%#d" not.
[[nodiscard]] bool is_conversion(const std::string& specification);

/// The line of an event PL_EVENT_MORE.
[[nodiscard]] std::string more_text(std::span<const uint8_t> values);

}  // namespace perilune::compiler
