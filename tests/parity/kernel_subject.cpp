#include "kernel_subject.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include <bpf/libbpf.h>
#include <sched.h>

#include "base/bytes.h"
#include "base/latest_time.h"
#include "bpf/initial_entries.h"
#include "compiler/events.h"
#include "engine/script_program.h"
#include "engine_subject.h"
#include "event/slot.h"
#include "ir/error_text.h"
#include "packet/checksum.h"
#include "packet/record.h"
#include "packet/reply.h"

namespace perilune::parity {
namespace {

/// Keeps this thread on one processor, the first that asks where it is and each other one on the next; the number of
/// the processor.
unsigned stay_here() {
  static const auto first = static_cast<unsigned>(std::max(0, ::sched_getcpu()));
  static std::atomic<unsigned> asked{0};
  thread_local const unsigned cpu = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    (void)::sched_getaffinity(0, sizeof set, &set);
    unsigned chosen = first;
    unsigned ahead = asked++ % static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
    while (ahead > 0) {
      chosen = (chosen + 1) % CPU_SETSIZE;
      if (CPU_ISSET(chosen, &set)) --ahead;
    }
    CPU_ZERO(&set);
    CPU_SET(chosen, &set);
    (void)::sched_setaffinity(0, sizeof set, &set);
    return chosen;
  }();
  return cpu;
}

class Nobody final : public engine::Observer {
 public:
  void on_log(uint64_t, uint32_t, std::string_view) override {}
  void on_error(uint64_t, const script::ScriptError&) override {}
};

struct RingBufferDeleter {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

class KernelSubject final : public Subject {
 public:
  static tl::expected<std::unique_ptr<Subject>, Diagnostics> open(const std::string& script,
                                                                  const engine::Options& options,
                                                                  const compiler::Target& target,
                                                                  const bpf::Hook* hook) {
    const auto system_problem = [&](const Error& error) {
      return tl::make_unexpected(Diagnostics{{Severity::kError, "cannot-load", script, 0, error.message, error.hint}});
    };
    auto subject = std::make_unique<KernelSubject>();
    auto loaded_script = engine::ScriptProgram::load(script, options, subject->nobody_);
    if (!loaded_script) return tl::make_unexpected(std::move(loaded_script.error()));
    subject->program_ = std::move(*loaded_script);
    auto compiled = subject->program_->script->compile(target, options.policy);
    if (!compiled) return tl::make_unexpected(std::move(compiled.error()));
    subject->compiled_ = std::move(*compiled);

    bpf::ProgramOptions program;
    program.hook = hook;
    program.name = "parity";
    program.report = true;
    program.answers_for_others = true;
    program.answers_for_each = program.answers_in_all = UINT32_MAX;
    program.fuel_limit = options.limits.call_instructions;
    std::string log;
    auto loaded = bpf::load(subject->compiled_.image, program, &log);
    if (!loaded) {
      // The whole log is of use to whoever mends the compiler, and a flood to everybody else.
      if (!log.empty() && std::getenv("PERILUNE_VERIFIER_LOG") != nullptr) std::fprintf(stderr, "%s\n", log.c_str());
      return system_problem(loaded.error());
    }
    subject->loaded_ = std::move(*loaded);
    auto memory = bpf::MappedValue::map(subject->loaded_.memory, true);
    if (!memory) return system_problem(memory.error());
    subject->memory_ = std::move(*memory);
    subject->slot_ = subject->memory_.bytes().data() + size_t{stay_here()} * PL_SLOT_SIZE;
    subject->ring_.reset(ring_buffer__new(subject->loaded_.events.fd(), on_record, subject.get(), nullptr));
    if (!subject->ring_) return system_problem(Error{Fault::kSystem, "cannot read the ring buffer", {}});
    return subject;
  }

  Observation judge(const StoredPacket& stored) override {
    Observation seen;
    const std::span<const uint8_t> bytes = stored.packet.bytes;
    bpf::TestRunOptions options;
    options.mark = stored.packet.mark;
    std::array<uint64_t, PL_COUNTERS> before;
    std::memcpy(before.data(), call().counters, sizeof before);
    line_.reset();
    if (stored.packet.time_ns < kLatestTime) {  // as on captures
      now_ns_ = std::max(now_ns_, stored.packet.time_ns);
      if (!std::exchange(time_began_, true)) stamp_entries();
    }
    call().time_override = now_ns_;
    const auto ran = bpf::test_run(loaded_.program.get(), *loaded_.hook, frame_of(stored, frame_), options);
    if (!ran) {
      seen.judged = false;
      return seen;
    }
    run_ = std::move(*ran);
    (void)ring_buffer__consume(ring_.get());
    const auto counted = [&](pl_counter counter) { return call().counters[counter] != before[counter]; };
    seen.verdict = counted(PL_COUNT_REJECT)  ? packet::Verdict::kReject
                   : counted(PL_COUNT_REPLY) ? packet::Verdict::kReply
                   : counted(PL_COUNT_PASS)  ? packet::Verdict::kPass
                                             : packet::Verdict::kBlock;
    seen.cause = counted(PL_COUNT_MALFORMED)    ? packet::Cause::kMalformed
                 : counted(PL_COUNT_NOT_IP)     ? packet::Cause::kNotIp
                 : counted(PL_COUNT_ERROR)      ? packet::Cause::kError
                 : counted(PL_COUNT_NO_OPINION) ? packet::Cause::kDefault
                                                : packet::Cause::kScript;
    seen.line = line_;
    if (seen.verdict == packet::Verdict::kReply) take_back(run_.bytes, stored);
    if (seen.verdict == packet::Verdict::kReject && loaded_.hook->any_target().writes) check_answer(stored);
    const bool leaves = seen.verdict == packet::Verdict::kPass || seen.verdict == packet::Verdict::kReply;
    const bool written = loaded_.hook->program().test_gives_packet && leaves;
    seen.bytes = written ? std::span<const uint8_t>(run_.bytes) : bytes;
    seen.mark_known = loaded_.hook->program().test_context;
    if (seen.mark_known && record().mark_set != 0 && leaves && seen.cause != packet::Cause::kMalformed &&
        seen.cause != packet::Cause::kNotIp && seen.cause != packet::Cause::kError) {
      seen.mark = run_.mark;
    }
    seen.logs = std::move(logs_);
    logs_.clear();
    return seen;
  }

  std::vector<MapContents> maps() override {
    std::vector<MapContents> all;
    for (size_t i = 0; i < loaded_.maps.size(); ++i) {
      const script::MapDeclaration& declaration = compiled_.maps[i];
      const script::Map* map = program_->script->maps().find(declaration.name);
      const auto entries = loaded_.maps[i].entries();
      MapContents contents;
      contents.name = declaration.name;
      if (map == nullptr || !entries) {
        contents.entries = {"cannot be read"};
      } else {
        for (const ir::MapSpec::Entry& entry : *entries)
          if (!has_expired(declaration, entry)) add_entry(*map, entry, contents.entries);
        std::ranges::sort(contents.entries);
      }
      all.push_back(std::move(contents));
    }
    // Those that the function never uses are not made in the kernel: they hold what the main chunk wrote.
    for (script::Map* map : program_->script->maps().maps()) {
      const std::string& name = map->declaration().name;
      if (std::ranges::find(all, name, &MapContents::name) == all.end()) all.push_back(contents_of(*map, now_ns_));
    }
    return all;
  }

  std::vector<ErrorCount> errors() override {
    std::vector<ErrorCount> all;
    for (const auto& [place, error] : errors_)
      all.push_back({fmt::format("{}:{}: {}", place.first, place.second, error.place), error.count});
    return all;
  }

 private:
  uint64_t now_ns_ = 0;
  bool time_began_ = false;

  /// What the main chunk wrote lives from the first packet on; when the program was loaded, from then.
  void stamp_entries() {
    program_->script->maps().begin_time(now_ns_);
    for (size_t i = 0; i < loaded_.maps.size(); ++i) {
      const ir::MapSpec& spec = compiled_.image.maps[i];
      if (!spec.timed) continue;
      for (const ir::MapSpec::Entry& entry : spec.initial)
        (void)loaded_.maps[i].update(entry.key, bpf::initial_value(spec, entry, now_ns_));
    }
  }

  /// What the hook does to a reply so that it arrives is not the script's: link addresses are exchanged unless it set
  /// them, and at xdp a checksum that was left to the device is finished.
  void take_back(std::vector<uint8_t>& reply, const StoredPacket& stored) const {
    constexpr std::ptrdiff_t kAddress = 6;
    const std::span<const uint8_t> arrived = stored.packet.bytes;
    const bool set = record().dirty_end != 0 && record().dirty_begin < 2 * kAddress;
    if (stored.packet.link != packet::LinkType::kEthernet || reply.size() < 2 * kAddress) return;
    if (!set && std::equal(reply.begin(), reply.begin() + kAddress, arrived.begin() + kAddress))
      std::copy_n(arrived.begin(), 2 * kAddress, reply.begin());
    const packet::Location before = packet::locate(arrived, arrived.size(), stored.packet.link);
    if (!before.has_transport || !packet::checksum_unfinished(arrived, before)) return;
    const packet::Location after = packet::locate(reply, reply.size(), stored.packet.link);
    if (!after.has_transport || after.protocol != before.protocol || !packet::checksums_right(reply, after)) return;
    // Of the pseudo header alone: with nothing behind it.
    std::vector<uint8_t> empty = reply;
    std::fill(empty.begin() + after.transport, empty.begin() + after.end, uint8_t{0});
    const size_t at = after.transport + (after.protocol == packet::protocol::kTcp ? 16 : 6);
    write_be16(&reply[at], static_cast<uint16_t>(~packet::transport_checksum(empty, after)));
  }

  /// Compares what goes back to the sender of a rejected packet with packet::reject_reply(). A difference is reported
  /// as a log line, which no other engine writes.
  void check_answer(const StoredPacket& stored) {
    constexpr std::ptrdiff_t kAddress = 6;
    constexpr uint32_t kSentFromXdp = 3, kSentFromTc = 7;
    if (stored.packet.link != packet::LinkType::kEthernet) return;
    const std::span<const uint8_t> arrived = stored.packet.bytes;
    const packet::Location location = packet::locate(arrived, arrived.size(), packet::LinkType::kEthernet);
    const std::span<const uint8_t> link = arrived.first(location.network);
    std::vector<uint8_t> wanted;
    if (may_be_answered(arrived, location)) wanted = packet::reject_reply(arrived, location);
    if (!wanted.empty()) {
      std::vector<uint8_t> turned(link.begin() + kAddress, link.begin() + 2 * kAddress);
      turned.insert(turned.end(), link.begin(), link.begin() + kAddress);
      turned.insert(turned.end(), link.begin() + 2 * kAddress, link.end());
      wanted.insert(wanted.begin(), turned.begin(), turned.end());
    }
    const bool sent = run_.code == kSentFromXdp || run_.code == kSentFromTc;
    if (sent == !wanted.empty() && (!sent || run_.bytes == wanted)) return;
    logs_.push_back(fmt::format("answered with '{}', expected '{}'", sent ? hex(run_.bytes) : "", hex(wanted)));
  }

  static std::string hex(std::span<const uint8_t> bytes) { return fmt::format("{:02x}", fmt::join(bytes, "")); }

  /// By its link header, which must not say how long the packet is, and not where a checksum that may be the device's
  /// to compute would be written into the answer.
  static bool may_be_answered(std::span<const uint8_t> frame, const packet::Location& location) {
    constexpr size_t kNoTag = 14, kTag = 4, kType = 12, kAddress = 6;
    const auto type_at = [&](size_t at) { return read_be16(frame.data() + at); };
    const auto is_tag = [&](size_t at) {
      return type_at(at) == 0x8100 || type_at(at) == 0x88a8 || type_at(at) == 0x9100;
    };
    const size_t network = location.network;
    if (network < kNoTag || network > kNoTag + 2 * kTag || (network - kNoTag) % kTag != 0) return false;
    for (size_t at = kType; at + 2 < network; at += kTag)
      if (!is_tag(at)) return false;
    if (type_at(network - 2) != 0x0800 && type_at(network - 2) != 0x86dd) return false;
    const bool is_group = ((frame[0] | frame[kAddress]) & 1U) != 0;
    const auto is_zero = [&](size_t at) {
      return std::all_of(&frame[at], &frame[at] + kAddress, [](uint8_t byte) { return byte == 0; });
    };
    const bool is_one_to_another =
        is_zero(kAddress) ? is_zero(0) : !std::equal(&frame[0], &frame[0] + kAddress, &frame[kAddress]);
    const bool has_no_crc = location.has_transport && location.protocol == packet::protocol::kSctp &&
                            frame.size() >= location.transport + 12U && !location.fragment &&
                            type_at(location.transport + 8U) == 0 && type_at(location.transport + 10U) == 0;
    return !is_group && is_one_to_another && !has_no_crc;
  }

  /// In the kernel such entries stay until they are looked for.
  [[nodiscard]] bool has_expired(const script::MapDeclaration& declaration, const ir::MapSpec::Entry& entry) const {
    if (declaration.ttl_ns == 0) return false;
    const auto written = read_host<uint64_t>(entry.value.data());
    return now_ns_ > written && now_ns_ - written >= declaration.ttl_ns;
  }

  static void add_entry(const script::Map& map, const ir::MapSpec::Entry& entry, std::vector<std::string>& to) {
    const script::MapDeclaration& declaration = map.declaration();
    const size_t head = declaration.ttl_ns != 0 ? 8 : 0;
    const std::span<const uint8_t> value = std::span(entry.value).subspan(head, declaration.value.size());
    std::vector<uint8_t> key = entry.key;
    if (declaration.kind == script::MapKind::kLpm) {  // bits with the family's eight (u32), family, address
      std::vector<uint8_t> network(declaration.key_size());
      network[0] = key[4];
      network[1] = static_cast<uint8_t>(key[0] - 8);
      for (size_t i = 2; i < network.size(); ++i)
        network[i] = key[i + 3];
      key = std::move(network);
    }
    const bool single = declaration.kind == script::MapKind::kCounter && declaration.key.parts.empty();
    if (single) key.clear();
    const bool dense = declaration.kind == script::MapKind::kArray;
    if (dense && std::ranges::all_of(value, [](uint8_t byte) { return byte == 0; })) return;
    to.push_back(map.key_text(key) + " = " + map.value_text(value));
  }

  static int on_record(void* context, void* data, size_t size) {
    static_cast<KernelSubject*>(context)->take_record({static_cast<const uint8_t*>(data), size});
    return 0;
  }

  void take_record(std::span<const uint8_t> record) {
    pl_event event{};
    if (record.size() < sizeof event) return;
    std::memcpy(&event, record.data(), sizeof event);
    record = record.subspan(sizeof event);
    const ir::Image& image = compiled_.image;
    if (event.kind == PL_EVENT_LOG && event.site < image.logs.size()) {
      const ir::Site& site = image.logs[event.site];
      logs_.push_back(fmt::format("{}: {}", site.line, compiler::log_text(site, record.first(event.length))));
    } else if (event.kind == PL_EVENT_MORE && event.site < image.logs.size()) {
      logs_.push_back(fmt::format("{}: {}", image.logs[event.site].line, compiler::more_text(record)));
    } else if (event.kind == PL_EVENT_ERROR && event.site < image.errors.size()) {
      std::array<uint64_t, 2> values{};
      std::memcpy(values.data(), record.data(), std::min(record.size(), sizeof values));
      const ir::Site& site = image.errors[event.site];
      ErrorCount& error = errors_[{image.files[site.file], site.line}];
      if (error.count++ == 0) error.place = ir::error_text(site, values[0], values[1]);
    } else if (event.kind == PL_EVENT_ERROR && event.site == PL_SITE_BROKEN_PACKET && record.size() >= 8) {
      broken_ = record[0];
    } else if (event.kind == PL_EVENT_ERROR && event.site == PL_SITE_BROKEN_PACKET) {
      std::array<int64_t, 2> values{};
      std::memcpy(values.data(), record.data(), std::min(record.size(), sizeof values));
      ErrorCount& error = errors_[{program_->script->path(), static_cast<uint32_t>(values[1])}];
      if (error.count++ == 0) error.place = engine::malformed_by_script(static_cast<packet::Malformed>(values[0]));
    } else if (event.kind == PL_EVENT_PACKET && record.size() >= sizeof(pl_packet_event)) {
      pl_packet_event packet{};
      std::memcpy(&packet, record.data(), sizeof packet);
      line_ = packet.line;
      if (broken_) {  // what it says of the packet's verdict is where the script returned
        ErrorCount& error = errors_[{image.files[0], packet.line}];
        if (error.count++ == 0) error.place = engine::malformed_by_script(static_cast<packet::Malformed>(*broken_));
        broken_.reset();
      }
    }
  }

  Nobody nobody_;
  std::unique_ptr<engine::ScriptProgram> program_;
  compiler::Compiled compiled_;
  bpf::LoadedProgram loaded_;
  bpf::MappedValue memory_;
  [[nodiscard]] pl_call& call() const { return *reinterpret_cast<pl_call*>(slot_ + PL_CALL); }
  [[nodiscard]] pl_packet& record() const { return *reinterpret_cast<pl_packet*>(slot_ + PL_RECORD); }

  uint8_t* slot_ = nullptr;
  std::unique_ptr<ring_buffer, RingBufferDeleter> ring_;
  std::vector<uint8_t> frame_;
  bpf::TestRunResult run_;
  std::optional<uint32_t> line_;
  std::optional<uint8_t> broken_;  // how the script broke the packet under way
  std::vector<std::string> logs_;
  std::map<std::pair<std::string, uint32_t>, ErrorCount> errors_;
};

Result<bpf::LoadedProgram> load_nothing(const bpf::Hook* hook) {
  ir::Image image;
  image.code.insns = {{0xb7, 0, 0, 0, PL_PASS}, {0x95, 0, 0, 0, 0}};  // return PL_PASS
  bpf::ProgramOptions options;
  options.hook = hook;
  return bpf::load(image, options);
}

}  // namespace

KernelConfiguration::KernelConfiguration(std::string hook_name, Feed how, const bpf::Hook* hook, const Terms& terms)
    : hook_(hook), terms_(terms) {
  name = std::move(hook_name);
  feed = how;
  kernel = true;
  target_ = hook->any_target();
  may_mark = target_.why_no_mark.empty();
  may_write = target_.writes;
}

tl::expected<std::unique_ptr<Subject>, Diagnostics> KernelConfiguration::open(const std::string& script) const {
  return KernelSubject::open(script, comparable_options(engine::Kind::kLua, terms_), target_, hook_);
}

std::string KernelConfiguration::unavailable() const {
  const auto loaded = load_nothing(hook_);
  return loaded ? std::string() : loaded.error().message;
}

std::function<bool(const StoredPacket&)> KernelConfiguration::cannot_show() const {
  auto loaded = load_nothing(hook_);
  if (!loaded) return [](const StoredPacket&) { return true; };
  return [program = std::make_shared<bpf::LoadedProgram>(std::move(*loaded))](const StoredPacket& stored) {
    std::vector<uint8_t> made;
    return !bpf::test_run(program->program.get(), *program->hook, frame_of(stored, made), {});
  };
}

}  // namespace perilune::parity
