// What the module `net` holds, as data: layouts of protocol headers and constants of their fields.
#pragma once

#include <cstdint>
#include <span>

namespace perilune::luadata {

struct NetField {
  const char* name;
  uint16_t offset;
  uint16_t length;
  const char* type = nullptr;  // as in a script's layout; null: an unsigned big-endian number, measured in bits
};

struct NetLayout {
  const char* name;
  std::span<const NetField> fields;
};

struct NetConstant {
  const char* name;
  uint32_t value;
};

struct NetConstants {
  const char* name;
  std::span<const NetConstant> constants;
};

[[nodiscard]] std::span<const NetLayout> net_layouts();
[[nodiscard]] std::span<const NetConstants> net_constants();

}  // namespace perilune::luadata
