#include "bpf/program.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <unistd.h>

#include "base/capabilities.h"
#include "base/realtime.h"
#include "bpf/clock.h"
#include "bpf/far_loops.h"
#include "bpf/hook.h"
#include "bpf/initial_entries.h"
#include "bpf/kernel_types.h"
#include "bpf/link.h"
#include "bpf/preemption.h"
#include "bpf/runtime_object.h"
#include "bpf/system_call.h"
#include "bpf/verifier_log.h"
#include "packet/record.h"

namespace perilune::bpf {
namespace {

constexpr uint32_t kEventBytes = 1U << 20;
constexpr size_t kTablesPad = 64;
constexpr size_t kLogBytes = size_t{16} << 20;
// Slots a CPU where packets nest: a task's packet, a softirq's and their nesting; or those of many tasks besides.
constexpr uint32_t kNestedPackets = 4;
constexpr uint32_t kNestedPacketsWhenPreempted = 16;
constexpr size_t kWorkerRoom = PL_SPILL - PL_WORKER;
constexpr size_t kConstantsRoom = PL_FRAME - PL_CONSTANTS;
constexpr int kNotSupported = 524;  // ENOTSUPP, which is for the kernel alone

uint32_t slots_per_cpu(const ProgramKind& kind) {
  if (!kind.nests) return 1;
  return preempts_kernel_code() ? kNestedPacketsWhenPreempted : kNestedPackets;
}

uint32_t link_type(const ProgramOptions& options) {
  constexpr uint32_t kRaw = 101;
  return options.hook->program().raw_ip ? kRaw : options.link_type;
}

/// What is the same for every packet, in every slot.
void fill_slot(std::span<uint8_t> slot, const ir::Image& image, const ProgramOptions& options, uint64_t offset,
               uint32_t cpu) {
  pl_call call{};
  call.cpu = cpu;
  call.time_offset = offset;
  call.fuel_limit = options.fuel_limit;
  call.report = options.report ? 1 : 0;
  std::memcpy(slot.data() + PL_CALL, &call, sizeof call);
  std::ranges::copy(image.worker, slot.begin() + PL_WORKER);
  std::ranges::copy(image.constants, slot.begin() + PL_CONSTANTS);
}

/// Did the machine lack something, or the right to it? Then nothing is said about the program, and trying it in another
/// form is in vain.
bool is_shortage(int code) {
  switch (code) {
    case EPERM:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case EINTR:
    case EIO:
      return true;
    default:
      return false;
  }
}

class Loader {
 public:
  Loader(const ir::Image& image, const ProgramOptions& options, std::string* log)
      : image_(&image), options_(&options), log_(log) {}

  Result<LoadedProgram> run() {
    const auto begin = std::chrono::steady_clock::now();
    loaded_.hook = options_->hook;
    for (auto step : {&Loader::check, &Loader::make_memory, &Loader::make_tables, &Loader::make_events,
                      &Loader::make_maps, &Loader::join, &Loader::load_types, &Loader::load_program}) {
      if (auto done = (this->*step)(); !done) return tl::make_unexpected(std::move(done.error()));
    }
    if (auto described = describe(); !described) return tl::make_unexpected(described.error());
    loaded_.load_time = std::chrono::steady_clock::now() - begin;
    return std::move(loaded_);
  }

 private:
  Result<void> check() {
    if (image_->worker.size() > kWorkerRoom || image_->constants.size() > kConstantsRoom)
      return input_error("the script's variables or constants do not fit into a filter's memory");
    const compiler::Target target = options_->hook->any_target();
    if ((image_->sets_mark && !target.why_no_mark.empty()) || (image_->writes && !target.writes))
      return system_error(fmt::format("the script was not compiled for {}", options_->hook->name()));
    return {};
  }

  Result<void> make_memory() {
    const int cpus = libbpf_num_possible_cpus();
    if (cpus <= 0) {
      return errno_error("count the processors", -cpus,
                         cpus == -ENOENT ? "/sys must be mounted: mount -t sysfs sysfs /sys" : "");
    }
    const uint32_t stride = std::bit_ceil(static_cast<uint32_t>(cpus));
    slots_stride_ = uint64_t{stride} * PL_SLOT_SIZE;
    loaded_.slots = stride * slots_per_cpu(options_->hook->program());
    auto map = Map::create({"memory", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
                            loaded_.slots * PL_SLOT_SIZE + PL_MEMORY_PAD, 1, BPF_F_MMAPABLE});
    if (!map) return tl::make_unexpected(std::move(map.error()));
    loaded_.memory = std::move(*map);
    auto memory = MappedValue::map(loaded_.memory, true);
    if (!memory) return tl::make_unexpected(std::move(memory.error()));
    const uint64_t offset = clock_offset();
    for (uint32_t i = 0; i < loaded_.slots; ++i)
      fill_slot(memory->bytes().subspan(size_t{i} * PL_SLOT_SIZE, PL_SLOT_SIZE), *image_, *options_, offset,
                i % stride);
    return {};
  }

  Result<void> make_tables() {
    const auto& tables = image_->tables;
    const auto& relocations = image_->code.relocations;
    const bool used =
        std::ranges::any_of(relocations, [](const auto& r) { return r.kind == ir::Relocation::Kind::kTables; });
    if (tables.empty() && !used) return {};
    const size_t size = std::bit_ceil(std::max<size_t>(tables.size(), 8)) + kTablesPad;
    if (size > INT32_MAX) return input_error("the script's tables are larger than a map of the kernel can be");
    // Not BPF_F_RDONLY_PROG: the kernel does not let such a map be mapped for writing, and setting 64 MiB through a
    // system call costs several copies of them. Nothing the compiler emits writes to tables.
    auto map =
        Map::create({"tables", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), static_cast<uint32_t>(size), 1, BPF_F_MMAPABLE});
    if (!map) return tl::make_unexpected(std::move(map.error()));
    loaded_.tables = std::move(*map);
    {
      auto memory = MappedValue::map(loaded_.tables, true);
      if (!memory) return tl::make_unexpected(std::move(memory.error()));
      if (!tables.empty()) std::memcpy(memory->bytes().data(), tables.data(), tables.size());
    }  // the kernel freezes no map that someone may write to
    return loaded_.tables.freeze();
  }

  [[nodiscard]] const Map* reusable(const ir::MapSpec& spec) const {
    for (const ReusableMap& old : options_->reuse) {
      if (old.name == spec.name && old.declared == spec.declared && is_compatible(old.map->shape(), shape_of(spec)))
        return old.map;
    }
    return nullptr;
  }

  Result<void> make_events() {
    auto map = Map::create({"events", BPF_MAP_TYPE_RINGBUF, 0, 0, kEventBytes, 0});
    if (!map) return tl::make_unexpected(std::move(map.error()));
    loaded_.events = std::move(*map);
    return {};
  }

  Result<void> make_maps() {
    for (const ir::MapSpec& spec : image_->maps) {
      const Map* old = reusable(spec);
      const bool reused = old != nullptr;
      auto map = reused ? old->duplicate() : Map::create(shape_of(spec));
      if (!map) return tl::make_unexpected(std::move(map.error()));
      if (!reused) {
        auto filled =
            spec.timed ? map->update_all(initial_entries(spec, realtime_ns())) : map->update_all(spec.initial);
        if (!filled) return filled;
      }
      loaded_.maps.push_back(std::move(*map));
      loaded_.reused.push_back(reused);
    }
    return {};
  }

  Result<void> join() {
    auto runtime = runtime_object(*options_->hook);
    if (!runtime) return tl::make_unexpected(std::move(runtime.error()));
    LinkInput input;
    input.runtime = &*runtime;
    input.image = image_;
    const ir::Code far = far_loops_ ? with_far_loops(image_->code) : ir::Code{};
    input.code = far_loops_ ? &far : &image_->code;
    input.inlines = inlines_;
    input.slots_mask = uint64_t{loaded_.slots - 1} * PL_SLOT_SIZE;
    input.memory_fd = loaded_.memory.fd();
    input.tables_fd = loaded_.tables ? loaded_.tables.fd() : -1;
    input.events_fd = loaded_.events.fd();
    input.chain_fd = options_->chain_fd;
    for (const Map& map : loaded_.maps)
      input.map_fds.push_back(map.fd());
    input.constants = {
        {"pl_slots_mask", input.slots_mask},
        {"pl_slots_stride", slots_stride_},
        {"pl_has_chain", options_->chain_fd >= 0 ? 1 : 0},
        {"pl_next_in_chain", options_->next_in_chain},
        {"pl_link_type", link_type(*options_)},
        {"pl_writes", image_->writes ? 1 : 0},
        {"pl_replaces", image_->replaces ? 1 : 0},
        {"pl_sets_mark", image_->sets_mark ? 1 : 0},
        {"pl_uses_payload", image_->uses_payload ? 1 : 0},
        {"pl_uses_frame", image_->uses_frame ? 1 : 0},
        {"pl_fields", fields_read()},
        {"pl_uses_fuel", image_->code.uses_fuel ? 1 : 0},
        {"pl_logs", image_->uses_events ? 1 : 0},
        {"pl_on_error", packet::code_of(options_->policy.on_error)},
        {"pl_on_malformed", packet::code_of(options_->policy.on_malformed)},
        {"pl_on_not_ip", packet::code_of(options_->policy.non_ip)},
        {"pl_on_default", packet::code_of(options_->policy.on_default)},
        {"pl_outgoing", options_->outgoing ? 1 : 0},
        {"pl_rejects", image_->rejects ? 1 : 0},
        {"pl_rejects_in_all", options_->answers_in_all},
        {"pl_rejects_for_each", options_->answers_for_each},
        {"pl_rejects_for_others", options_->answers_for_others ? 1 : 0},
    };
    if (auto done = ask_kernel_types(undefined_names(*runtime), input); !done) return done;
    auto linked = link(input);
    if (!linked) return tl::make_unexpected(std::move(linked.error()));
    linked_ = std::move(*linked);
    return {};
  }

  /// As Code::record_fields: what must be in the record when the filter is called.
  [[nodiscard]] uint64_t fields_read() const {
    constexpr auto fields = [](std::initializer_list<size_t> offsets) {
      uint64_t all = 0;
      for (const size_t offset : offsets)
        all |= uint64_t{1} << offset / sizeof(uint32_t);
      return all;
    };
    constexpr uint64_t kPulling = fields({offsetof(pl_packet, captured), offsetof(pl_packet, copied)});
    constexpr uint64_t kWritingBack =  // runtime/commit.h
        kPulling | fields({offsetof(pl_packet, network), offsetof(pl_packet, transport), offsetof(pl_packet, end),
                           offsetof(pl_packet, flags), offsetof(pl_packet, version), offsetof(pl_packet, protocol)});
    const auto pulls = [](const ir::Relocation& one) { return one.kind == ir::Relocation::Kind::kPull; };
    uint64_t all = image_->code.record_fields | image_->record_fields;
    if (image_->writes) all |= kWritingBack;
    if (image_->replaces) all = ~uint64_t{0};  // the headers are found anew, and put back as they were
    if (std::ranges::any_of(image_->code.relocations, pulls)) all |= kPulling;
    return all;
  }

  /// Functions, "pl_field_STRUCTURE__MEMBER" and "pl_type_STRUCTURE" constants. Where the runtime can do without them
  /// (it has a constant "pl_knows_types"), it does when one of them is not to be had.
  static Result<void> ask_kernel_types(const UndefinedNames& names, LinkInput& input) {
    constexpr std::string_view kField = "pl_field_";
    constexpr std::string_view kType = "pl_type_";
    constexpr const char* kKnowsTypes = "pl_knows_types";
    const auto asks = [&](const std::string& name) { return name.starts_with(kField) || name.starts_with(kType); };
    if (names.functions.empty() && std::ranges::none_of(names.constants, asks)) return {};
    const bool optional = std::ranges::find(names.constants, kKnowsTypes) != names.constants.end();
    bool complete = true;
    auto types = KernelTypes::read();
    const bool absent = access(KernelTypes::kPath, F_OK) != 0;
    if (!types && !(optional && absent)) return tl::make_unexpected(std::move(types.error()));
    for (const std::string& name : names.functions) {
      const auto id = types ? types->function(name) : std::nullopt;
      if (id) input.kernel_functions[name] = *id;
      complete = complete && id;
    }
    for (const std::string& name : names.constants) {
      if (!asks(name)) continue;
      const size_t separator = name.find("__");
      std::optional<uint32_t> value;
      if (types && name.starts_with(kType)) value = types->structure(name.substr(kType.size()));
      if (types && name.starts_with(kField))
        value = types->offset(name.substr(kField.size(), separator - kField.size()), name.substr(separator + 2));
      if (value || optional) input.constants[name] = value.value_or(0);
      complete = complete && value;
    }
    if (optional) input.constants[kKnowsTypes] = complete ? 1 : 0;
    return {};
  }

  Result<void> load_types() {
    std::string log(kLogBytes / 16, '\0');
    bpf_btf_load_opts options{};
    options.sz = sizeof options;
    int fd = bpf_btf_load(linked_.types.data(), linked_.types.size(), &options);
    if (fd < 0 && !is_shortage(-fd)) {
      options.log_buf = log.data();
      options.log_size = static_cast<uint32_t>(log.size());
      options.log_level = 1;
      fd = bpf_btf_load(linked_.types.data(), linked_.types.size(), &options);
      if (fd < 0 && log_ != nullptr) *log_ = log.c_str();
    }
    if (fd < 0) {
      std::string hint = fd == -EPERM ? capability_hint({CAP_BPF}) : "";
      if (!is_shortage(-fd)) hint = "this is a fault of perilune: please report it";
      return errno_error("load the program's type information into the kernel", -fd, hint);
    }
    types_ = FileDescriptor(fd);
    return {};
  }

  [[nodiscard]] bpf_prog_load_opts load_options() const {
    bpf_prog_load_opts options{};
    options.sz = sizeof options;
    options.prog_btf_fd = static_cast<uint32_t>(types_.get());
    options.func_info = linked_.functions.data();
    options.func_info_cnt = static_cast<uint32_t>(linked_.functions.size());
    options.func_info_rec_size = sizeof(bpf_func_info);
    options.line_info = linked_.lines.data();
    options.line_info_cnt = static_cast<uint32_t>(linked_.lines.size());
    options.line_info_rec_size = sizeof(bpf_line_info);
    options.prog_flags = options_->hook->program().flags;
    options.expected_attach_type = static_cast<bpf_attach_type>(options_->hook->program().attach);
    return options;
  }

  [[nodiscard]] bpf_prog_type type() const { return static_cast<bpf_prog_type>(options_->hook->program().type); }

  int try_load(const bpf_prog_load_opts& options) const {
    std::string name = options_->name.substr(0, BPF_OBJ_NAME_LEN - 1);
    for (char& c : name)
      if (isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '.') c = '_';
    return bpf_prog_load(type(), name.c_str(), "Dual BSD/GPL", reinterpret_cast<const bpf_insn*>(linked_.insns.data()),
                         linked_.insns.size(), &options);
  }

  /// Joins it anew and tries it.
  Result<int> try_another() {
    if (auto done = join(); !done) return tl::make_unexpected(std::move(done.error()));
    if (auto done = load_types(); !done) return tl::make_unexpected(std::move(done.error()));
    return try_load(load_options());
  }

  Result<void> load_program() {
    int fd = try_load(load_options());
    if (fd < 0 && !is_shortage(-fd) && linked_.inlined) {
      // On its own it may be less work for the verifier, or less stack.
      inlines_ = false;
      const Result<int> another = try_another();
      if (!another) return tl::make_unexpected(another.error());
      fd = *another;
    }
    if (fd == -kNotSupported) {
      // Verified, but not translated.
      far_loops_ = true;
      const Result<int> another = try_another();
      if (!another) return tl::make_unexpected(another.error());
      fd = *another;
    }
    bpf_prog_load_opts options = load_options();
    if (fd < 0 && !is_shortage(-fd)) {
      // Once more, to hear why.
      std::string log(kLogBytes, '\0');
      options.log_buf = log.data();
      options.log_size = static_cast<uint32_t>(log.size());
      options.log_level = 1;
      const int again = try_load(options);
      log.resize(strnlen(log.data(), log.size()));
      if (again < 0 && again != -kNotSupported && !is_shortage(-again) && !log.empty()) {
        const VerifierComplaint complaint = read_verifier_log(log, image_->files);
        // From a process without this capability the verifier takes only what could also do no harm when speculated.
        if (!missing_capabilities({CAP_PERFMON}).empty()) {
          return system_error(fmt::format("the kernel does not take the program '{}' from a process without "
                                          "CAP_PERFMON: {}",
                                          options_->name, complaint.message),
                              capability_hint({CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON}));
        }
        if (complaint.message.starts_with("unknown opcode e5")) {  // may_goto
          return system_error(
              fmt::format("this kernel has no may_goto, which the loops in '{}' need: its own, those of "
                          "its patterns, and at tc the one over packets that travel together",
                          options_->name),
              "Linux 6.9 has it; 'perilune run --divert' judges packets without it");
        }
        if (complaint.too_large) {
          return input_error(
              fmt::format("the script is too large for the kernel: its verifier, which looks at 1,000,000 "
                          "instructions at most, gives up on the {} instructions of '{}' ({})",
                          linked_.insns.size(), options_->name, complaint.message),
              "fewer loops within loops, and variables that hold one type each, make it smaller: "
              "'perilune explain' shows what each line costs");
        }
        if (log_ != nullptr) *log_ = std::move(log);
        return tl::make_unexpected(verifier_error(options_->name, complaint));
      }
      fd = again;
    }
    if (fd < 0) {
      std::string hint;
      if (fd == -EPERM) hint = capability_hint({CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON});
      if (fd == -kNotSupported)
        hint =
            "it was verified, but the kernel cannot translate it into machine code: please report it, with the script";
      return errno_error(fmt::format("load the program '{}' into the kernel", options_->name), -fd, hint);
    }
    loaded_.program = FileDescriptor(fd);
    return {};
  }

  Result<void> describe() {
    loaded_.insns = static_cast<uint32_t>(linked_.insns.size());
    for (const Map* map : {&loaded_.memory, &loaded_.tables, &loaded_.events})
      if (*map) loaded_.memory_bytes += map->memory_bytes();
    for (const Map& map : loaded_.maps)
      loaded_.memory_bytes += map.memory_bytes();
    const auto info = program_info(loaded_.program.get());
    if (!info) return tl::make_unexpected(info.error());
    loaded_.id = info->id;
    loaded_.verified_insns = info->verified;
    loaded_.xlated_bytes = info->instructions * static_cast<uint32_t>(sizeof(ir::Insn));
    loaded_.jited_bytes = info->machine_bytes;
    loaded_.memory_bytes += info->memory;
    return {};
  }

  const ir::Image* image_;
  const ProgramOptions* options_;
  std::string* log_;
  LoadedProgram loaded_;
  LinkedProgram linked_;
  bool inlines_ = true;
  bool far_loops_ = false;
  uint64_t slots_stride_ = 0;
  FileDescriptor types_;
};

}  // namespace

Result<LoadedProgram> load(const ir::Image& image, const ProgramOptions& options, std::string* verifier_log) {
  return Loader(image, options, verifier_log).run();
}

Result<TestRunResult> test_run(int program_fd, const Hook& hook, std::span<const uint8_t> packet,
                               const TestRunOptions& options) {
  const ProgramKind& kind = hook.program();
  TestRunResult result;
  constexpr size_t kMostGrowth = 8192;  // a reply, or the longest payload that a filter puts together
  result.bytes.resize(packet.size() + kMostGrowth);
  __sk_buff context{};
  context.mark = options.mark;
  context.ifindex = options.ifindex;
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.data_in = packet.data();
  run.data_size_in = static_cast<uint32_t>(packet.size());
  run.data_out = result.bytes.data();
  run.data_size_out = static_cast<uint32_t>(result.bytes.size());
  run.repeat = static_cast<int>(options.repeat);
  if (kind.test_context && (options.mark != 0 || options.ifindex != 0)) {
    run.ctx_in = &context;
    run.ctx_size_in = sizeof context;
  }
  if (kind.test_context) {
    run.ctx_out = &context;
    run.ctx_size_out = sizeof context;
  }
  if (!kind.test_gives_packet) {
    run.data_out = nullptr;
    run.data_size_out = 0;
  }
  const int done = bpf_prog_test_run_opts(program_fd, &run);
  if (done < 0) return errno_error(fmt::format("run the program on a packet of {} bytes", packet.size()), -done);
  result.code = run.retval;
  result.nanoseconds = run.duration;
  result.mark = kind.test_context ? context.mark : 0;
  if (!kind.test_gives_packet) {
    result.bytes.assign(packet.begin(), packet.end());
  } else {
    result.bytes.resize(std::min<size_t>(run.data_size_out, result.bytes.size()));
  }
  return result;
}

}  // namespace perilune::bpf
