#include "vm/mapped_memory.h"

#include <cerrno>

#include <sys/mman.h>
#include <unistd.h>

namespace perilune::vm {
namespace {

size_t page_size() {
  static const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace

Result<MappedMemory> MappedMemory::allocate(size_t size, const std::string& purpose) {
  const size_t page = page_size();
  if (size > SIZE_MAX / 2) return errno_error("allocate " + purpose, ENOMEM);
  const size_t rounded = (size + page - 1) / page * page;
  const size_t whole = rounded + 2 * page;
  void* mapped = mmap(nullptr, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return errno_error("allocate " + purpose, errno);
  MappedMemory memory(static_cast<uint8_t*>(mapped) + page, rounded);
  if (rounded != 0 && mprotect(memory.start_, rounded, PROT_READ | PROT_WRITE) != 0) {
    return errno_error("allocate " + purpose, errno);
  }
  return memory;
}

MappedMemory& MappedMemory::operator=(MappedMemory&& other) noexcept {
  if (this != &other) {
    release();
    start_ = std::exchange(other.start_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Result<void> MappedMemory::protect(Access access) {
  int protection = PROT_READ;
  if (access == Access::kReadWrite) protection |= PROT_WRITE;
  if (access == Access::kExecute) protection |= PROT_EXEC;
  if (mprotect(start_, size_, protection) != 0) return errno_error("change the protection of memory", errno);
  return {};
}

void MappedMemory::release() {
  if (start_ != nullptr) munmap(start_ - page_size(), size_ + 2 * page_size());
  start_ = nullptr;
}

}  // namespace perilune::vm
