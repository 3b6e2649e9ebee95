// A network namespace and a bpf file system for one test, gone with it.
#pragma once

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/file_descriptor.h"

namespace perilune::bpf {

class KernelSandbox {
 public:
  KernelSandbox() {
    if (geteuid() != 0) {
      obstacle_ = "not root";
      return;
    }
    back_ = FileDescriptor(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (unshare(CLONE_NEWNET) != 0) {
      obstacle_ = "network namespaces cannot be made here";
      back_.reset();
      return;
    }
    std::string folder = (std::filesystem::temp_directory_path() / "perilune-bpffs-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr || mount("bpf", folder.c_str(), "bpf", 0, nullptr) != 0) {
      obstacle_ = "bpffs cannot be mounted here";
      (void)rmdir(folder.c_str());
      return;
    }
    folder_ = folder;
    setenv("PERILUNE_BPFFS", folder_.c_str(), 1);
    if (!shell("ip link add here0 type veth peer name there0")) obstacle_ = "veth interfaces cannot be made here";
    // No packets but those of the tests.
    for (const char* interface : {"here0", "there0"})
      (void)shell(std::string("echo 1 > /proc/sys/net/ipv6/conf/") + interface + "/disable_ipv6");
    if (!shell("ip link set here0 up && ip link set there0 up && ip link set lo up"))
      obstacle_ = "veth interfaces cannot be made here";
  }
  KernelSandbox(const KernelSandbox&) = delete;
  KernelSandbox& operator=(const KernelSandbox&) = delete;
  ~KernelSandbox() {
    unsetenv("PERILUNE_BPFFS");
    if (!folder_.empty()) {
      (void)umount2(folder_.c_str(), MNT_DETACH);
      (void)rmdir(folder_.c_str());
    }
    if (back_) (void)setns(back_.get(), CLONE_NEWNET);
  }

  /// Why tests cannot run here; empty: they can.
  [[nodiscard]] const std::string& obstacle() const { return obstacle_; }
  [[nodiscard]] const std::string& bpffs() const { return folder_; }
  [[nodiscard]] static bool shell(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;  // NOLINT(concurrency-mt-unsafe): a test
  }

 private:
  std::string obstacle_;
  std::string folder_;
  FileDescriptor back_;
};

}  // namespace perilune::bpf
