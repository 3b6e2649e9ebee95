#include "hooks/capture.h"

#include <sys/stat.h>

#include "hooks/capture/byte_source.h"
#include "hooks/capture/link_types.h"
#include "hooks/capture/packet_filter.h"
#include "hooks/capture/reader.h"

namespace perilune::hooks {

namespace {

constexpr uint64_t kProgressBytes = 65536;
constexpr uint64_t kUnreadableReports = 10;  // of one file; the others are only counted

/// Sum of the sizes of all files; 0 when that of one is not known.
uint64_t total_size(const std::vector<std::string>& files) {
  uint64_t total = 0;
  for (const std::string& file : files) {
    struct stat status {};
    if (file == "-" || stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return 0;
    total += static_cast<uint64_t>(status.st_size);
  }
  return total;
}

class Judge {
 public:
  Judge(const CaptureOptions& options, PacketFilter filter, engine::PacketWorker& worker, CaptureObserver& observer)
      : options_(options),
        filter_(std::move(filter)),
        worker_(worker),
        observer_(observer),
        bytes_total_(total_size(options.files)) {}

  Result<bool> run() {
    for (size_t i = 0; i < options_.files.size(); ++i) {
      if (stopped()) break;
      const Result<void> judged = judge_file(options_.files[i], i + 1 < options_.files.size());
      if (!judged) return tl::make_unexpected(judged.error());
    }
    return !broken_;
  }

 private:
  [[nodiscard]] bool stopped() const {
    return options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed);
  }
  void report(const Error& error) {
    broken_ = true;
    observer_.on_broken(error);
  }
  void progress(uint64_t position) {
    reported_position_ = position;
    observer_.on_progress(bytes_before_ + position, bytes_total_);
  }

  /// Fails when the filter expression does not fit a packet's link type; what is wrong with the file is reported.
  Result<void> judge_file(const std::string& file, bool another);
  Result<void> judge_records(const std::string& file, CaptureReader& reader);
  void judge_record(const std::string& file, const CaptureRecord& record);

  const CaptureOptions& options_;
  PacketFilter filter_;
  engine::PacketWorker& worker_;
  CaptureObserver& observer_;
  uint64_t bytes_total_;
  uint64_t bytes_before_ = 0;       // of the files done
  uint64_t reported_position_ = 0;  // in this file
  bool broken_ = false;
};

Result<void> Judge::judge_file(const std::string& file, bool another) {
  reported_position_ = 0;
  auto source = FileSource::open(file, options_.stop);
  if (!source) {
    report(source.error());
    return {};
  }
  if (options_.opened) options_.opened(another);
  auto reader = open_capture(std::move(*source), capture_name(file));
  if (!reader) {
    if (!stopped()) report(reader.error());
    return {};
  }
  Result<void> judged = judge_records(file, **reader);
  const uint64_t position = (*reader)->position();
  progress(position);
  bytes_before_ += position;
  return judged;
}

Result<void> Judge::judge_records(const std::string& file, CaptureReader& reader) {
  using Step = CaptureReader::Step;
  CaptureRecord record;
  uint64_t unreadable = 0;
  while (!stopped()) {
    const Step step = reader.next(record);
    if (step == Step::kPacket) {
      const Result<bool> wanted = filter_.matches(record.link, record.bytes, record.wire_length);
      if (!wanted) {
        Error error = wanted.error();
        error.message = fmt::format("{}: packet {}: {}", capture_name(file), record.number, error.message);
        return tl::make_unexpected(std::move(error));
      }
      if (*wanted) judge_record(file, record);
    } else if (step == Step::kUnreadable) {
      broken_ = true;
      if (++unreadable <= kUnreadableReports) report(reader.error());
    } else {
      // A reader that had to wait when the run was stopped sees an end that is none.
      if (step == Step::kBroken && !stopped()) report(reader.error());
      break;
    }
    if (reader.position() - reported_position_ >= kProgressBytes) progress(reader.position());
  }
  if (unreadable > kUnreadableReports) {
    report({Fault::kInput,
            fmt::format("{}: {} more packets could not be read", capture_name(file), unreadable - kUnreadableReports),
            {}});
  }
  return {};
}

void Judge::judge_record(const std::string& file, const CaptureRecord& record) {
  packet::Packet packet;
  packet.bytes = record.bytes;
  packet.wire_length = record.wire_length;
  packet.link = record.link;
  packet.has_frame = !is_raw_ip(record.link);
  packet.direction = options_.direction;
  packet.ifindex = record.ifindex;
  packet.time_ns = record.time_ns;
  packet.number = record.number;
  packet.interface = record.interface.empty() ? std::string_view(options_.interface) : record.interface;
  if (const auto cooked = cooked_header(record.link, record.bytes)) {
    packet.direction = cooked->direction;
    if (packet.ifindex == 0) packet.ifindex = cooked->ifindex;
  }
  if (record.direction) packet.direction = *record.direction;
  const packet::Decision decision = worker_.judge(packet);
  if (!record.comments.empty()) observer_.on_comments(record.comments);
  observer_.on_packet(file, packet, decision);
}

}  // namespace

Result<bool> judge_captures(const CaptureOptions& options, engine::PacketWorker& worker, CaptureObserver& observer) {
  Result<PacketFilter> filter = PacketFilter::create(options.filter);
  if (!filter) return tl::make_unexpected(filter.error());
  return Judge(options, std::move(*filter), worker, observer).run();
}

}  // namespace perilune::hooks
