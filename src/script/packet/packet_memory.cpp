#include "script/packet/packet_memory.h"

#include <cstring>

#include "packet/edit.h"
#include "packet/kind.h"

namespace perilune::script {
namespace {

// The longest IP packet after a generous link header: a replaced payload always fits, or IP itself cannot carry it.
constexpr size_t kInitialCapacity = 65'535 + 1'024;

}  // namespace

PacketMemory::PacketMemory(luadata::Memory& memory)
    : memory_(&memory), capacity_(kInitialCapacity), buffer_(std::make_unique_for_overwrite<uint8_t[]>(capacity_)) {
  memory_->before_write = before_write;
  memory_->context = this;
}

PacketMemory::~PacketMemory() {
  memory_->release();
  memory_->before_write = nullptr;
  memory_->context = nullptr;
}

void PacketMemory::begin(const packet::Packet& packet, const packet::Location& location) {
  packet_ = &packet;
  arrived_ = location;
  current_ = location;
  recorded_ = false;
  resized_ = false;
  if (packet.bytes.size() > capacity_) {  // segmentation-offload packets (BIG TCP) may be longer than IP's 65,535 bytes
    capacity_ = packet.bytes.size() + kInitialCapacity;
    buffer_ = std::make_unique_for_overwrite<uint8_t[]>(capacity_);
  }
  // Never written through: before_write() repoints the views to the buffer first.
  memory_->show(const_cast<uint8_t*>(packet.bytes.data()), packet.bytes.size());
}

void PacketMemory::end() {
  memory_->release();
}

bool PacketMemory::before_write(luadata::Memory& memory, void* context) {
  auto* self = static_cast<PacketMemory*>(context);
  if (memory.bytes != self->buffer_.get()) self->copy();
  return true;
}

void PacketMemory::copy() {
  std::memcpy(buffer_.get(), packet_->bytes.data(), packet_->bytes.size());
  memory_->show(buffer_.get(), packet_->bytes.size());
}

void PacketMemory::make_record() {
  packet::fill_record(record_, *packet_, arrived_);
  packet::note_place(record_, current_);
  recorded_ = true;
}

PacketMemory::Range PacketMemory::headers() const {
  if (current_.version == 0) return {current_.network, 0};
  return {current_.network, current_.payload - current_.network};
}

PacketMemory::Range PacketMemory::payload() const {
  return {current_.payload, current_.end - current_.payload};
}

// A packet whose payload became longer or shorter is whole and has no padding.
size_t PacketMemory::wire_length() const {
  return resized_ ? memory_->size : packet_->wire_length;
}

packet::ResizeRefusal PacketMemory::replace_payload(std::span<const uint8_t> payload) {
  if (memory_->bytes == buffer_.get()) {
    // The script may have written to the headers: believe what they say now.
    current_ = packet::locate({memory_->bytes, memory_->size}, wire_length(), packet_->link);
    if (current_.malformed != packet::Malformed::kNone) return packet::ResizeRefusal::kMalformed;
  } else {
    copy();
  }
  const bool resizes = payload.size() != current_.end - current_.payload;
  size_t length = memory_->size;
  const packet::ResizeRefusal refusal = packet::replace_payload({buffer_.get(), capacity_}, length, current_, payload);
  if (refusal != packet::ResizeRefusal::kNone) return refusal;
  memory_->show(buffer_.get(), length);
  resized_ = resized_ || resizes;
  if (recorded_) packet::note_place(record_, current_);
  return packet::ResizeRefusal::kNone;
}

packet::Malformed PacketMemory::commit(packet::Decision& decision) {
  if (memory_->bytes == buffer_.get()) {
    const std::span<uint8_t> after{memory_->bytes, memory_->size};
    const packet::Edit edit = packet::finish_edit(*packet_, arrived_, after, wire_length());
    current_ = edit.location;
    if (current_.malformed != packet::Malformed::kNone) return current_.malformed;
    if (edit.differs) {
      decision.modified = true;
      decision.bytes = after;
    }
  }
  if (recorded_ && record_.mark_set != 0) {
    decision.mark_set = true;
    decision.mark = record_.mark;
  }
  return packet::Malformed::kNone;
}

}  // namespace perilune::script
