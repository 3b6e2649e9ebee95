// Where the bytes of a capture come from: a file, a pipe, or memory (tests and fuzzers).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace perilune::hooks {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Reads at least one byte and at most `room.size()`; 0 is the end. A short read is not an end.
  [[nodiscard]] virtual Result<size_t> read(std::span<uint8_t> room) = 0;
};

/// An open file, pipe or terminal. A read that has to wait gives up, as if at the end, soon after `stop` is set.
class FileSource : public ByteSource {
 public:
  /// Opens `path` ("-" is standard input). The error says what to do about it; it is the user's (exit status 1).
  [[nodiscard]] static Result<std::unique_ptr<FileSource>> open(const std::string& path, const std::atomic<bool>* stop);

  [[nodiscard]] Result<size_t> read(std::span<uint8_t> room) override;
  /// Size of a regular file when it was opened; 0 for everything else.
  [[nodiscard]] uint64_t size() const { return size_; }

 private:
  FileSource(std::string name, FileDescriptor fd, uint64_t size, bool may_wait, const std::atomic<bool>* stop)
      : name_(std::move(name)), fd_(std::move(fd)), size_(size), may_wait_(may_wait), stop_(stop) {}
  /// Waits until there is something to read; false: `stop` was set meanwhile.
  [[nodiscard]] bool wait() const;

  std::string name_;
  FileDescriptor fd_;
  uint64_t size_;
  bool may_wait_;
  const std::atomic<bool>* stop_;
};

/// Bytes the caller owns, handed out in pieces of at most `piece` bytes as a slow pipe would.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::span<const uint8_t> bytes, size_t piece = SIZE_MAX) : bytes_(bytes), piece_(piece) {}
  [[nodiscard]] Result<size_t> read(std::span<uint8_t> room) override;

 private:
  std::span<const uint8_t> bytes_;
  size_t piece_;
};

/// How messages call a file: its path, or "standard input".
[[nodiscard]] std::string capture_name(const std::string& path);

}  // namespace perilune::hooks
