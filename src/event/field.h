// What scripts see of a kind of event: the fields of its record, as a table. From it come the binding of the lua
// engine, the compiler's knowledge of fields, and the spelling help.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace perilune::event {

enum class Form : uint8_t {
  kNumber,   // unsigned, `size` bytes, & `mask`
  kFlag,     // true when one of the bits `mask` of a number is set
  kAddress,  // 4 or 16 bytes, by the number at `extent`: 4 or 6
  kText,     // as many bytes as the number at `extent` says, `size` at most
  kWord,     // one of `words`, by a number
  kRegion,   // bytes of the event: from the offset that the number says to the one at `extent`
};

/// Where `at` of a region is no place: it begins with the event's first byte.
inline constexpr uint16_t kFirstByte = 0xffff;

/// Numbers without `size` are of 4 bytes, all in host byte order. Places are offsets into the record.
struct Field {
  std::string_view name;
  Form form = Form::kNumber;
  uint16_t at = 0;
  uint16_t extent = 0;
  uint8_t size = 4;
  uint32_t mask = 0xffffffff;
  // It reads nil unless one of the bits `needs` of the number at `needs_at` is set; 0: it is always there.
  uint16_t needs_at = 0;
  uint32_t needs = 0;
  std::span<const std::string_view> words = {};
};

/// Places [begin, end) of the record, which nothing changes while a script is running.
struct Steady {
  uint16_t begin;
  uint16_t end;
};

/// A place whose number may change while a script is running, and the place that has it as it is now.
struct Moving {
  uint16_t arrived;
  uint16_t now;
};

struct Kind {
  std::string_view object;         // what scripts call it
  std::span<const Field> fields;   // by name
  std::span<const Moving> moving;  // of regions
  std::span<const Steady> steady;
  std::span<const std::string_view> names;    // of the fields and methods, by name
  std::span<const std::string_view> methods;  // answers by name: pkt:block()

  /// Null when there is none of that name.
  [[nodiscard]] const Field* find(std::string_view name) const {
    for (const Field& field : fields)
      if (field.name == name) return &field;
    return nullptr;
  }
  [[nodiscard]] uint16_t now(uint16_t place) const {
    for (const Moving& one : moving)
      if (one.arrived == place) return one.now;
    return place;
  }
};

}  // namespace perilune::event
