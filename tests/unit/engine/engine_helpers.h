// Shared by the tests of engines: a script in a file of its own, a program on it, packets to judge.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/engine.h"
#include "packet/build.h"
#include "packet/checksum.h"

namespace perilune::engine {

class RecordingObserver final : public Observer {
 public:
  void on_log(uint64_t event, uint32_t line, std::string_view text) override {
    const std::lock_guard lock(mutex_);
    logs.push_back({event, line, std::string(text)});
  }
  void on_error(uint64_t event, const script::ScriptError& error) override {
    const std::lock_guard lock(mutex_);
    errors.emplace_back(event, error);
  }

  struct Log {
    uint64_t event;
    uint32_t line;
    std::string text;
  };
  std::vector<Log> logs;
  std::vector<std::pair<uint64_t, script::ScriptError>> errors;

 private:
  std::mutex mutex_;
};

/// A script in a file that is removed at the end.
class ScriptFile {
 public:
  explicit ScriptFile(const std::string& text) {
    std::string name = (std::filesystem::temp_directory_path() / "perilune-test-XXXXXX.lua").string();
    const int fd = mkstemps(name.data(), 4);
    if (fd < 0) {
      ADD_FAILURE() << "cannot create " << name;
      return;
    }
    close(fd);
    path_ = name;
    std::ofstream(path_) << text;
  }
  ~ScriptFile() { std::remove(path_.c_str()); }
  ScriptFile(const ScriptFile&) = delete;
  ScriptFile& operator=(const ScriptFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// A program with one worker, and what it told.
class Judge {
 public:
  /// With kAuto, PERILUNE_ENGINE may name another: the same tests then are that engine's.
  explicit Judge(const std::string& script, Options options = {}) : file_(script) {
    const char* engine = std::getenv("PERILUNE_ENGINE");
    if (options.kind == Kind::kAuto && engine != nullptr) options.kind = parse_kind(engine).value_or(Kind::kAuto);
    auto program = open(file_.path(), options, observer_);
    if (!program) {
      ADD_FAILURE() << to_text(program.error().front());
      return;
    }
    program_ = std::move(*program);
    auto worker = program_->packet_worker(0);
    if (!worker) {
      ADD_FAILURE() << to_text(worker.error().front());
      return;
    }
    worker_ = std::move(*worker);
  }

  [[nodiscard]] bool opened() const { return worker_ != nullptr; }
  packet::Decision operator()(const packet::Packet& packet) { return worker_->judge(packet); }
  /// A whole Ethernet frame; numbered by the calls.
  packet::Decision operator()(const std::vector<uint8_t>& frame) {
    packet::Packet packet;
    packet.bytes = frame;
    packet.wire_length = frame.size();
    packet.number = ++number_;
    return worker_->judge(packet);
  }

  [[nodiscard]] PacketWorker& worker() { return *worker_; }
  [[nodiscard]] Program& program() { return *program_; }
  [[nodiscard]] RecordingObserver& observer() { return observer_; }
  [[nodiscard]] const std::string& path() const { return file_.path(); }
  /// The message of the only error so far.
  [[nodiscard]] std::string error() const {
    return observer_.errors.size() == 1 ? observer_.errors[0].second.message
                                        : std::to_string(observer_.errors.size()) + " errors";
  }

 private:
  ScriptFile file_;
  RecordingObserver observer_;
  std::unique_ptr<Program> program_;
  std::unique_ptr<PacketWorker> worker_;
  uint64_t number_ = 0;
};

inline std::vector<uint8_t> bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

inline std::vector<uint8_t> build_frame(const packet::BuildOptions& options) {
  auto frame = packet::build(options);
  if (!frame) {
    ADD_FAILURE() << frame.error().message;
    return {};
  }
  return *frame;
}

inline std::vector<uint8_t> udp(std::string_view payload = "hello", bool ipv6 = false) {
  packet::BuildOptions options;
  options.source = ipv6 ? "2001:db8::1" : "192.0.2.1";
  options.destination = ipv6 ? "2001:db8::2" : "198.51.100.2";
  options.protocol = packet::protocol::kUdp;
  options.source_port = 1234;
  options.destination_port = 53;
  options.payload = bytes_of(payload);
  return build_frame(options);
}

inline std::vector<uint8_t> tcp(std::string_view payload = "hello", bool ipv6 = false) {
  packet::BuildOptions options;
  options.source = ipv6 ? "2001:db8::1" : "192.0.2.1";
  options.destination = ipv6 ? "2001:db8::2" : "198.51.100.2";
  options.source_port = 40000;
  options.destination_port = 22;
  options.payload = bytes_of(payload);
  return build_frame(options);
}

/// ARP: a frame without IP.
inline std::vector<uint8_t> arp() {
  std::vector<uint8_t> frame(60);
  for (size_t i = 0; i < 6; ++i)
    frame[i] = 0xff;
  frame[12] = 0x08;
  frame[13] = 0x06;
  frame[15] = 1;
  frame[18] = 6;  // bytes of the addresses: 28 in all, the rest is padding
  frame[19] = 4;
  return frame;
}

inline bool checksums_right(std::span<const uint8_t> frame) {
  return packet::checksums_right(frame, packet::locate(frame, frame.size(), packet::LinkType::kEthernet));
}

/// The payload of a frame, as text.
inline std::string payload_of(std::span<const uint8_t> frame) {
  const packet::Location location = packet::locate(frame, frame.size(), packet::LinkType::kEthernet);
  EXPECT_EQ(location.malformed, packet::Malformed::kNone);
  return {frame.begin() + location.payload, frame.begin() + location.end};
}

}  // namespace perilune::engine
