#include "script/state/allocator.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <lua.h>

namespace perilune::script {
namespace {

// Under AddressSanitizer every block goes back to it at once, so that a use after release is seen.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeepFreed = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kKeepFreed = false;
#else
constexpr bool kKeepFreed = true;
#endif
#else
constexpr bool kKeepFreed = true;
#endif

}  // namespace

Allocator::~Allocator() {
  for (FreeList& list : free_) {
    while (list.head != nullptr) {
      FreeBlock* block = list.head;
      list.head = block->next;
      std::free(block);
    }
  }
}

void* Allocator::take(size_t size) noexcept {
  if (!is_small(size)) return std::malloc(size);
  FreeList& list = free_[class_of(size)];
  if (list.head != nullptr) {
    FreeBlock* block = list.head;
    list.head = block->next;
    --list.count;
    return block;
  }
  // Under AddressSanitizer the exact size, so that reading past the end is seen.
  return std::malloc(kKeepFreed ? (class_of(size) + 1) * kGranularity : size);
}

void Allocator::give(void* block, size_t size) noexcept {
  if (kKeepFreed && is_small(size)) {
    FreeList& list = free_[class_of(size)];
    if (list.count < kKeptPerClass) {
      auto* freed = static_cast<FreeBlock*>(block);
      freed->next = list.head;
      list.head = freed;
      ++list.count;
      return;
    }
  }
  std::free(block);
}

void* Allocator::resize(void* block, size_t old_size, size_t new_size) noexcept {
  if (!is_small(old_size) && !is_small(new_size)) return std::realloc(block, new_size);
  if (kKeepFreed && is_small(old_size) && is_small(new_size) && class_of(old_size) == class_of(new_size)) return block;
  void* moved = take(new_size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(old_size, new_size));
  give(block, old_size);
  return moved;
}

void* Allocator::allocate(void* self, void* block, size_t old_size, size_t new_size) noexcept {
  auto& allocator = *static_cast<Allocator*>(self);
  const bool is_string = block == nullptr && old_size == LUA_TSTRING;  // Lua passes the kind of a new object there
  if (block == nullptr) old_size = 0;
  if (new_size == 0) {
    if (block != nullptr) allocator.give(block, old_size);
    allocator.used_ -= old_size;
    return nullptr;
  }
  if (new_size > old_size) {
    const size_t growth = new_size - old_size;
    const size_t allowed = allocator.limit_ + allocator.overdraft_;
    if (allocator.used_ > allowed || growth > allowed - allocator.used_) {
      if (allocator.listener_ != nullptr) allocator.listener_->on_refused();
      return nullptr;
    }
    if (new_size >= kLarge && allocator.listener_ != nullptr && !allocator.listener_->on_large(new_size, is_string) &&
        allocator.overdraft_ == 0) {
      allocator.listener_->on_refused();
      return nullptr;
    }
  }
  void* result = old_size == 0 ? allocator.take(new_size) : allocator.resize(block, old_size, new_size);
  if (result == nullptr) {
    // Lua counts on shrinking to succeed; a block that is too large serves as well. A small class cannot take it back
    // later, but only a failing system malloc leads here.
    if (new_size <= old_size && !is_small(old_size) && !is_small(new_size)) {
      result = block;
    } else {
      return nullptr;
    }
  }
  allocator.used_ += new_size - old_size;
  return result;
}

}  // namespace perilune::script
