#include "bpf/event_reader.h"

#include <atomic>
#include <cstddef>
#include <cstring>

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace perilune::bpf {
namespace {

struct Ring {
  Ring() = default;
  ~Ring() { ring_buffer__free(buffer); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  Attachment attachment;
  std::string place;
  Map events;
  Map memory;
  ring_buffer* buffer = nullptr;                   // owned
  const FilterEvents::Handler* handler = nullptr;  // during read()
};

int hand_over(void* context, void* data, size_t size) {
  const Ring& ring = *static_cast<const Ring*>(context);
  FilterEvent event;
  if (ring.handler == nullptr || size < sizeof event.header) return 0;
  std::memcpy(&event.header, data, sizeof event.header);
  event.attachment = &ring.attachment;
  event.place = &ring.place;
  event.bytes = std::span(static_cast<const uint8_t*>(data) + sizeof event.header, size - sizeof event.header);
  if (event.header.length < event.bytes.size()) event.bytes = event.bytes.first(event.header.length);
  (*ring.handler)(event);
  return 0;
}

/// Blocked packets are recorded from now on, or no longer.
void set_report(const Map& memory, bool on) {
  const Result<MappedValue> value = MappedValue::map(memory, true);
  if (!value) return;
  const std::span<uint8_t> bytes = value->bytes();
  for (size_t slot = 0; slot + PL_SLOT_SIZE <= bytes.size(); slot += PL_SLOT_SIZE) {
    auto* report = reinterpret_cast<uint32_t*>(bytes.data() + slot + PL_CALL + offsetof(pl_call, report));
    std::atomic_ref<uint32_t>(*report).store(on ? 1 : 0, std::memory_order_relaxed);
  }
}

Result<Map> open_map(const std::string& path) {
  Result<FileDescriptor> fd = open_pin(path);
  if (!fd) return tl::make_unexpected(fd.error());
  return Map::adopt(std::move(*fd));
}

/// 0: there is no such folder.
Result<uint64_t> inode_of(const std::string& path) {
  const Result<std::optional<struct stat>> status = file_status(path, true);
  if (!status) return tl::make_unexpected(status.error());
  return *status ? (*status)->st_ino : 0;
}

}  // namespace

struct FilterEvents::State {
  std::string folder;
  uint64_t inode = 0;  // of the folder: a reload puts another one in its place
  FileDescriptor lock;
  Manifest manifest;
  std::vector<std::unique_ptr<Ring>> rings;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    for (const auto& ring : rings)
      set_report(ring->memory, false);
  }
};

FilterEvents::FilterEvents(std::unique_ptr<State> state) : state_(std::move(state)) {}
FilterEvents::FilterEvents(FilterEvents&&) noexcept = default;
FilterEvents& FilterEvents::operator=(FilterEvents&&) noexcept = default;
FilterEvents::~FilterEvents() = default;

Result<FilterEvents> FilterEvents::open(const std::string& name) {
  Result<FilterState> found = inspect(name, Depth::kCounters);
  if (!found) return tl::make_unexpected(found.error());
  if (!found->problem.empty()) return system_error(fmt::format("{}: {}", name, found->problem), found->hint);
  const Result<PinRoot> root = PinRoot::open_for_reading();
  if (!root) return tl::make_unexpected(root.error());
  auto state = std::make_unique<State>();
  state->folder = root->path_of(name);
  state->lock = FileDescriptor(::open(state->folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!state->lock) return errno_error(fmt::format("open {}", state->folder), errno);
  if (flock(state->lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return system_error(fmt::format("another program reads the events of '{}' already", name),
                        "records go to one reader: end the other 'perilune events'");
  }
  const Result<uint64_t> inode = inode_of(state->folder);
  if (!inode) return tl::make_unexpected(inode.error());
  state->inode = *inode;
  for (size_t i = 0; i < found->attachments.size(); ++i) {
    const std::string folder = fmt::format("{}/at_{}", state->folder, i);
    auto ring = std::make_unique<Ring>();
    ring->attachment = found->attachments[i].record;
    ring->place = found->attachments[i].place;
    Result<Map> events = open_map(folder + "/events");
    if (!events) return tl::make_unexpected(events.error());
    ring->events = std::move(*events);
    Result<Map> memory = open_map(folder + "/memory");
    if (!memory) return tl::make_unexpected(memory.error());
    ring->memory = std::move(*memory);
    ring->buffer = ring_buffer__new(ring->events.fd(), &hand_over, ring.get(), nullptr);
    if (ring->buffer == nullptr) return errno_error(fmt::format("read the events of '{}'", name), errno);
    set_report(ring->memory, true);
    state->rings.push_back(std::move(ring));
  }
  state->manifest = std::move(found->manifest);
  return FilterEvents(std::move(state));
}

const std::string& FilterEvents::name() const {
  return state_->manifest.name;
}

const Manifest& FilterEvents::manifest() const {
  return state_->manifest;
}

bool FilterEvents::outdated() const {
  const Result<uint64_t> now = inode_of(state_->folder);
  return now && *now != state_->inode;
}

std::vector<int> FilterEvents::descriptors() const {
  std::vector<int> all;
  for (const auto& ring : state_->rings)
    all.push_back(ring_buffer__epoll_fd(ring->buffer));
  return all;
}

size_t FilterEvents::read(const Handler& handler) {
  size_t count = 0;
  for (const auto& ring : state_->rings) {
    ring->handler = &handler;
    const int done = ring_buffer__consume(ring->buffer);
    ring->handler = nullptr;
    if (done > 0) count += static_cast<size_t>(done);
  }
  return count;
}

}  // namespace perilune::bpf
