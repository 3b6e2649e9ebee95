// What the files about data views share: names for messages, kinds of fields, the accessors.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "compiler/lowering/value.h"
#include "luadata/field.h"

namespace perilune::compiler {

/// As luadata's own messages have it: 'name', cut when long, or [3]. An index known at packet time is the second value
/// of the error.
inline std::string field_name(const AbstractValue& key) {
  if (key.kind == AbstractValue::Kind::kString) {
    return key.string().size() <= 40 ? fmt::format("'{}'", key.string())
                                     : fmt::format("'{}...'", key.string().substr(0, 40));
  }
  if (key.kind == AbstractValue::Kind::kInteger) return fmt::format("[{}]", key.integer);
  return "[{1}]";
}

inline bool is_number(luadata::FieldKind kind) {
  return kind <= luadata::FieldKind::kBits;
}

/// No packet has so many bytes: a field that ends beyond them lies in no object.
inline constexpr uint64_t kNoSuchByte = uint64_t{1} << 31U;

/// Numbers and addresses are reached by a displacement, which must be small.
inline bool is_far(const luadata::Field& field) {
  return field.offset > 0x4000;
}

// Accessors: bytes, signed.
struct Accessor {
  std::string_view name;
  unsigned bytes;
  bool is_signed;
};
inline constexpr Accessor kAccessors[] = {
    {"byte", 1, false}, {"int8", 1, true},    {"uint8", 1, false}, {"int16", 2, true},   {"uint16", 2, false},
    {"int32", 4, true}, {"uint32", 4, false}, {"int64", 8, true},  {"uint64", 8, false}, {"number", 8, true}};

}  // namespace perilune::compiler
