// The readers behind open_capture(), and the words they share.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "hooks/capture/input_buffer.h"
#include "hooks/capture/reader.h"

namespace perilune::hooks {

enum class Format : uint8_t { kPcap, kPcapng, kUnknown };

/// By the first four bytes of a file.
[[nodiscard]] Format recognise_format(const uint8_t* magic);

/// `input` stands at the first byte of a file of that format.
[[nodiscard]] Result<std::unique_ptr<CaptureReader>> open_pcap(InputBuffer input, std::string name);
[[nodiscard]] Result<std::unique_ptr<CaptureReader>> open_pcapng(InputBuffer input, std::string name);

/// The stream ended (or reading failed, which is said instead) inside `what`, which begins at `offset`.
[[nodiscard]] Error cut_error(const InputBuffer& input, const std::string& name, const std::string& what,
                              uint64_t offset);
/// `what` at `offset` contradicts itself or its surroundings: `reason`.
[[nodiscard]] Error damage_error(const std::string& name, const std::string& what, uint64_t offset,
                                 const std::string& reason);

}  // namespace perilune::hooks
