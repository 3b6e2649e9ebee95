// The memory of one Lua state: counted to the byte, limited, and quick for the small objects that every packet makes.
//
// Lua tells the allocator the old size of every block, so counting needs no headers. Freed small blocks wait in short
// lists, one a size class, for the next allocation of that class: the lists are bounded, so a script cannot park memory
// in them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace perilune::script {

class Allocator {
 public:
  /// What the owner wants to hear of. Called from inside Lua's allocations: may look at the state, must not allocate in
  /// it.
  struct Listener {
    virtual ~Listener() = default;
    /// An allocation is about to be refused. Lua may collect garbage and ask again, or raise "not enough memory".
    virtual void on_refused() = 0;
    /// A large block is asked for: copying or clearing that many bytes is work that one instruction can hide, and so is
    /// comparing them when it is a string. False: it must not be had, because the script's time is over.
    virtual bool on_large(size_t bytes, bool is_string) = 0;
  };

  explicit Allocator(size_t limit) : limit_(limit) {}
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  /// A lua_Alloc; `self` is the Allocator.
  static void* allocate(void* self, void* block, size_t old_size, size_t new_size) noexcept;

  void set_listener(Listener* listener) { listener_ = listener; }
  /// Lets the next allocations go `bytes` beyond the limit; 0 ends that.
  void set_overdraft(size_t bytes) { overdraft_ = bytes; }

  [[nodiscard]] size_t used() const { return used_; }
  [[nodiscard]] size_t limit() const { return limit_; }

 private:
  static constexpr size_t kGranularity = 16;
  static constexpr size_t kClasses = 16;          // blocks of up to 256 bytes
  static constexpr uint32_t kKeptPerClass = 256;  // at most 557,056 bytes wait in all lists together
  static constexpr size_t kLarge = 4096;

  struct FreeBlock {
    FreeBlock* next;
  };
  struct FreeList {
    FreeBlock* head = nullptr;
    uint32_t count = 0;
  };

  [[nodiscard]] static bool is_small(size_t size) { return size <= kGranularity * kClasses; }
  [[nodiscard]] static size_t class_of(size_t size) { return (size - 1) / kGranularity; }
  void* take(size_t size) noexcept;
  void give(void* block, size_t size) noexcept;
  void* resize(void* block, size_t old_size, size_t new_size) noexcept;

  size_t limit_;
  size_t overdraft_ = 0;
  size_t used_ = 0;
  Listener* listener_ = nullptr;
  std::array<FreeList, kClasses> free_{};
};

}  // namespace perilune::script
