// A folder for files that a run makes; it goes with the object.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

namespace perilune::parity {

class Folder {
 public:
  Folder() {
    static std::atomic<unsigned> made = 0;
    path_ = std::filesystem::temp_directory_path() / fmt::format("perilune-parity-{}-{}", ::getpid(), ++made);
    std::filesystem::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace perilune::parity
