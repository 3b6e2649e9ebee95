// Filters written by hand, instruction by instruction, for tests of what surrounds them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "event/slot.h"
#include "ir/code.h"

namespace perilune::bpf {

/// Appends instructions to an image's code. Registers: r6 context, r7 slot, r8 slot offset after begin().
class FilterCode {
 public:
  FilterCode() {
    image.files = {"hand.lua"};
    image.source_lines_of_first_file = {"function filter(hdr, pld, pkt)", "end"};
    image.code.lines = {{0, 0, 1}};
  }

  /// r6 = ctx, r8 = slot offset, r7 = the slot.
  FilterCode& begin() {
    add(0xbf, 6, 1);
    add(0xbf, 8, 2);
    image.code.relocations.push_back({next(), ir::Relocation::Kind::kSlotMask, 0});
    add(0x57, 8);
    load_immediate(7, ir::Relocation::Kind::kMemory, 0);
    add(0x0f, 7, 8);
    return *this;
  }
  FilterCode& add(uint8_t code, uint8_t dst = 0, uint8_t src = 0, int16_t off = 0, int32_t imm = 0) {
    image.code.insns.push_back({code, static_cast<uint8_t>(dst & 15U), static_cast<uint8_t>(src & 15U), off, imm});
    return *this;
  }
  FilterCode& load_immediate(uint8_t dst, ir::Relocation::Kind kind, uint32_t index) {
    image.code.relocations.push_back({next(), kind, index});
    add(0x18, dst);
    return add(0);
  }
  /// pull(ctx, slot_offset, upto)
  FilterCode& pull(int32_t upto) {
    add(0xbf, 1, 6);
    add(0xbf, 2, 8);
    add(0xb7, 3, 0, 0, upto);
    image.code.relocations.push_back({next(), ir::Relocation::Kind::kPull, 0});
    image.uses_payload = true;
    return add(0x85, 0, 1, 0, -1);
  }
  /// *(u8 *)(slot + offset) = value; any offset within the slot.
  FilterCode& store8(uint32_t offset, uint8_t value) {
    add(0xbf, 1, 7);
    add(0x07, 1, 0, 0, static_cast<int32_t>(offset));
    return add(0x72, 1, 0, 0, value);
  }
  FilterCode& store32(uint32_t offset, uint32_t value) {
    add(0xbf, 1, 7);
    add(0x07, 1, 0, 0, static_cast<int32_t>(offset));
    return add(0x62, 1, 0, 0, static_cast<int32_t>(value));
  }
  FilterCode& ret(int32_t result) {
    add(0xb7, 0, 0, 0, result);
    return add(0x95);
  }
  [[nodiscard]] uint32_t next() const { return static_cast<uint32_t>(image.code.insns.size()); }

  ir::Image image;
};

[[nodiscard]] inline ir::Image constant_filter(int32_t result) {
  FilterCode code;
  code.ret(result);
  return code.image;
}

}  // namespace perilune::bpf
