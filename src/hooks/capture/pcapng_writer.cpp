#include "hooks/capture/pcapng_writer.h"

#include <algorithm>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/capture/options.h"

namespace perilune::hooks {

namespace {

constexpr size_t kFlushAt = 262144;
constexpr uint16_t kEndOfOptions = 0, kComment = 1, kPacketFlags = 2, kInterfaceName = 2, kTimeResolution = 9,
                   kApplication = 4;
constexpr std::string_view kApplicationName = "perilune";
constexpr uint8_t kNanoseconds = 9;
constexpr size_t kMaxOption = UINT16_MAX;

/// Appends one block to a buffer, in this machine's byte order (readers take either); its lengths are filled in at the
/// end.
class BlockWriter {
 public:
  BlockWriter(std::vector<uint8_t>& buffer, uint32_t type) : buffer_(buffer), start_(buffer.size()) {
    number(type);
    number(uint32_t{0});
  }

  template <typename T>
  void number(T value) {
    const size_t at = buffer_.size();
    buffer_.resize(at + sizeof value);
    std::memcpy(buffer_.data() + at, &value, sizeof value);
  }
  void padded(std::span<const uint8_t> bytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    buffer_.resize((buffer_.size() - start_ + 3) / 4 * 4 + start_);
  }
  void option(uint16_t code, std::span<const uint8_t> value) {
    number(code);
    number(static_cast<uint16_t>(value.size()));
    padded(value);
  }
  void option(uint16_t code, std::string_view text) {
    option(code, std::span{reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  }
  void finish(bool has_options) {
    if (has_options) option(kEndOfOptions, std::span<const uint8_t>{});
    const auto length = static_cast<uint32_t>(buffer_.size() - start_ + sizeof(uint32_t));
    number(length);
    std::memcpy(buffer_.data() + start_ + sizeof(uint32_t), &length, sizeof length);
  }

 private:
  std::vector<uint8_t>& buffer_;
  size_t start_;
};

/// At most `limit` bytes, not ending inside a UTF-8 character.
std::string_view cut_text(std::string_view text, size_t limit) {
  if (text.size() <= limit) return text;
  size_t end = limit;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80)
    --end;
  return text.substr(0, end);
}

/// Why the file must not be written: it is one of the inputs, or a Lua file by its name (a script or one of its
/// modules, in whatever way it was named).
Result<void> check_not_read(const std::string& name, const struct stat& output, std::span<const std::string> inputs) {
  if (!S_ISREG(output.st_mode)) return {};
  for (const std::string& input : inputs) {
    struct stat status {};
    const int found = input == "-" ? fstat(STDIN_FILENO, &status) : stat(input.c_str(), &status);
    if (found == 0 && status.st_dev == output.st_dev && status.st_ino == output.st_ino) {
      return input_error(fmt::format("{} is also an input: writing it would destroy it", name),
                         "name another file after -w");
    }
  }
  if (name.ends_with(".lua"))
    return input_error(fmt::format("{} is a Lua file: writing it would destroy it", name),
                       "name another file after -w");
  return {};
}

tl::unexpected<Error> cannot_create(const std::string& name, int code) {
  return input_error(fmt::format("cannot create {}: {} ({})", name, strerror(code), strerrorname_np(code)));
}

}  // namespace

Result<std::unique_ptr<PcapngWriter>> PcapngWriter::create(const std::string& path,
                                                           std::span<const std::string> inputs) {
  const bool standard_output = path == "-";
  std::string name = standard_output ? "standard output" : path;
  struct stat status {};
  if (standard_output && isatty(STDOUT_FILENO) == 1) {
    return input_error("a capture is not for a terminal",
                       "redirect it: -w - >out.pcapng, or pipe it: -w - | tshark -r -");
  }
  const int exists = standard_output ? fstat(STDOUT_FILENO, &status) : stat(path.c_str(), &status);
  if (exists == 0) {
    if (const Result<void> sound = check_not_read(name, status, inputs); !sound)
      return tl::make_unexpected(sound.error());
  }
  const int fd = standard_output ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                                 : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return cannot_create(name, errno);
  std::unique_ptr<PcapngWriter> writer(new PcapngWriter(std::move(name), fd));
  writer->add_section_header();
  return writer;
}

PcapngWriter::~PcapngWriter() {
  static_cast<void>(close());
}

void PcapngWriter::add_section_header() {
  constexpr uint32_t kSectionHeader = 0x0a0d0d0a;
  constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
  BlockWriter block(buffer_, kSectionHeader);
  block.number(kByteOrderMagic);
  block.number(uint16_t{1});
  block.number(uint16_t{0});
  block.number(UINT64_MAX);  // the section's length is not known beforehand
  block.option(kApplication, kApplicationName);
  block.finish(true);
}

void PcapngWriter::add_interface(packet::LinkType link, std::string_view name) {
  constexpr uint32_t kInterface = 1;
  BlockWriter block(buffer_, kInterface);
  block.number(static_cast<uint16_t>(link));
  block.number(uint16_t{0});
  block.number(uint32_t{0});  // no snap length: a script may make packets longer than any before
  if (!name.empty()) block.option(kInterfaceName, cut_text(name, kMaxOption));
  block.option(kTimeResolution, std::span{&kNanoseconds, 1});
  block.finish(true);
}

uint32_t PcapngWriter::interface_of(const packet::Packet& packet) {
  // Packets in a row are mostly of one interface.
  if (last_index_ != UINT32_MAX && last_link_ == packet.link && last_interface_ == packet.interface) return last_index_;
  auto& by_name = interfaces_[packet.link];
  auto found = by_name.find(packet.interface);
  if (found == by_name.end()) {
    add_interface(packet.link, packet.interface);
    found = by_name.emplace(packet.interface, interface_count_++).first;
  }
  last_link_ = packet.link;
  last_interface_ = packet.interface;
  last_index_ = found->second;
  return last_index_;
}

Result<void> PcapngWriter::write(const packet::Packet& packet, std::span<const uint8_t> bytes, std::string_view comment,
                                 std::span<const std::string_view> kept) {
  constexpr uint32_t kEnhancedPacket = 6;
  if (!failure_.empty()) return system_error(failure_);
  const uint32_t interface = interface_of(packet);
  const size_t cut = packet.wire_length - std::min(packet.wire_length, packet.bytes.size());
  BlockWriter block(buffer_, kEnhancedPacket);
  block.number(interface);
  block.number(static_cast<uint32_t>(packet.time_ns >> 32));
  block.number(static_cast<uint32_t>(packet.time_ns));
  block.number(static_cast<uint32_t>(bytes.size()));
  block.number(static_cast<uint32_t>(bytes.size() + cut));
  block.padded(bytes);
  for (const std::string_view text : kept)
    block.option(kComment, text);
  if (!comment.empty()) block.option(kComment, cut_text(comment, kMaxOption));
  if (packet.direction != packet::Direction::kForward) {
    const uint32_t flags = packet.direction == packet::Direction::kIn ? kFlagInbound : kFlagOutbound;
    block.option(kPacketFlags, std::span{reinterpret_cast<const uint8_t*>(&flags), sizeof flags});
  }
  block.finish(!kept.empty() || !comment.empty() || packet.direction != packet::Direction::kForward);
  return buffer_.size() >= kFlushAt ? flush() : Result<void>{};
}

Result<void> PcapngWriter::flush() {
  std::span<const uint8_t> rest = buffer_;
  while (!rest.empty()) {
    const ssize_t count = ::write(fd_, rest.data(), rest.size());
    if (count >= 0) {
      rest = rest.subspan(static_cast<size_t>(count));
    } else if (errno != EINTR) {
      const int code = errno;
      failure_ = fmt::format("cannot write {}: {} ({}); what is there of it is incomplete", name_, strerror(code),
                             strerrorname_np(code));
      buffer_.clear();
      return system_error(failure_);
    }
  }
  buffer_.clear();
  return {};
}

Result<void> PcapngWriter::close() {
  if (fd_ >= 0) {
    if (failure_.empty()) static_cast<void>(flush());
    // Some file systems tell only now that there was no room.
    if (::close(std::exchange(fd_, -1)) != 0 && failure_.empty()) {
      const int code = errno;
      failure_ =
          fmt::format("cannot write {}: {} ({}); it may be incomplete", name_, strerror(code), strerrorname_np(code));
    }
  }
  if (!failure_.empty()) return system_error(failure_);
  return {};
}

}  // namespace perilune::hooks
