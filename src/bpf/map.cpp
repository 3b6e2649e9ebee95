#include "bpf/map.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/capabilities.h"
#include "bpf/system_call.h"

namespace perilune::bpf {
namespace {

/// Entries for one system call: enough to make it cheap, not too many to be copied.
constexpr size_t kBatch = 16'384;

std::string described(const MapShape& shape) {
  return fmt::format("the map '{}'", shape.name);
}

/// What the kernel keeps of a name.
std::string kernel_name(std::string name) {
  name.resize(std::min<size_t>(name.size(), BPF_OBJ_NAME_LEN - 1));
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '.') c = '_';
  return name;
}

}  // namespace

Result<Map> Map::create(const MapShape& shape) {
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.map_flags = shape.flags;
  const int fd = bpf_map_create(static_cast<bpf_map_type>(shape.type), kernel_name(shape.name).c_str(), shape.key_size,
                                shape.value_size, shape.entries, &options);
  if (fd < 0) {
    const int code = -fd;
    std::string hint;
    if (code == EPERM) hint = capability_hint({CAP_BPF});
    if (code == ENOMEM || code == E2BIG) hint = "declare it smaller";
    return errno_error(fmt::format("make {} ({} entries, keys of {} and values of {} bytes)", described(shape),
                                   shape.entries, shape.key_size, shape.value_size),
                       code, hint);
  }
  return adopt(FileDescriptor(fd));
}

Result<Map> Map::adopt(FileDescriptor fd) {
  auto info = map_info(fd.get());
  if (!info) return tl::make_unexpected(std::move(info.error()));
  Map map;
  map.fd_ = std::move(fd);
  map.id_ = info->id;
  map.shape_ = {info->name, info->type, info->key_size, info->value_size, info->max_entries, info->flags};
  return map;
}

Result<Map> Map::duplicate() const {
  const int fd = fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return errno_error("duplicate a descriptor", errno);
  return adopt(FileDescriptor(fd));
}

Result<bool> Map::lookup(std::span<const uint8_t> key, std::span<uint8_t> value) const {
  const int done = bpf_map_lookup_elem(fd_.get(), key.data(), value.data());
  if (done == 0) return true;
  if (done == -ENOENT) return false;
  return errno_error("look up in " + described(shape_), -done);
}

Result<void> Map::update(std::span<const uint8_t> key, std::span<const uint8_t> value, uint64_t flags) const {
  const int done = bpf_map_update_elem(fd_.get(), key.data(), value.data(), flags);
  if (done == 0) return {};
  return errno_error("write to " + described(shape_), -done, done == -E2BIG ? "it is full: declare it larger" : "");
}

Result<bool> Map::erase(std::span<const uint8_t> key) const {
  const int done = bpf_map_delete_elem(fd_.get(), key.data());
  if (done == 0) return true;
  if (done == -ENOENT) return false;
  return errno_error("delete from " + described(shape_), -done);
}

Result<std::optional<std::vector<uint8_t>>> Map::next_key(std::span<const uint8_t> key) const {
  std::vector<uint8_t> next(shape_.key_size);
  const int done = bpf_map_get_next_key(fd_.get(), key.empty() ? nullptr : key.data(), next.data());
  if (done == 0) return next;
  if (done == -ENOENT) return std::optional<std::vector<uint8_t>>{};
  return errno_error("list " + described(shape_), -done);
}

Result<void> Map::update_all(std::span<const ir::MapSpec::Entry> entries) const {
  // The kernel rounds values up to 8 bytes in some commands, but not in batches.
  std::vector<uint8_t> keys;
  std::vector<uint8_t> values;
  while (!entries.empty()) {
    const size_t count = std::min(entries.size(), kBatch);
    keys.clear();
    values.clear();
    for (const auto& entry : entries.first(count)) {
      keys.insert(keys.end(), entry.key.begin(), entry.key.end());
      values.insert(values.end(), entry.value.begin(), entry.value.end());
    }
    if (keys.size() != count * shape_.key_size || values.size() != count * shape_.value_size)
      return system_error(fmt::format("an entry of {} has the wrong size", described(shape_)));
    auto written = static_cast<uint32_t>(count);
    const int done = bpf_map_update_batch(fd_.get(), keys.data(), values.data(), &written, nullptr);
    if (done == -ENOTSUP || done == -EINVAL || done == -524) {  // 524: the kernel's own ENOTSUPP
      for (const auto& entry : entries.first(count))
        if (auto one = update(entry.key, entry.value); !one) return one;
    } else if (done != 0) {
      return errno_error(fmt::format("write {} entries to {}", count, described(shape_)), -done,
                         done == -E2BIG ? "it is full: declare it larger" : "");
    }
    entries = entries.subspan(count);
  }
  return {};
}

Result<std::vector<ir::MapSpec::Entry>> Map::entries() const {
  std::vector<ir::MapSpec::Entry> result;
  std::vector<uint8_t> key;
  for (;;) {
    auto next = next_key(key);
    if (!next) return tl::make_unexpected(std::move(next.error()));
    if (!next->has_value()) return result;
    key = std::move(**next);
    std::vector<uint8_t> value(shape_.value_size);
    auto found = lookup(key, value);
    if (!found) return tl::make_unexpected(std::move(found.error()));
    if (*found) result.push_back({key, std::move(value)});
    // A key that was deleted meanwhile makes the kernel begin anew: no map yields more than it can hold.
    if (result.size() > shape_.entries) return result;
  }
}

Result<void> Map::freeze() const {
  const int done = bpf_map_freeze(fd_.get());
  if (done == 0) return {};
  return errno_error("freeze " + described(shape_), -done);
}

uint64_t Map::memory_bytes() const {
  const auto info = map_info(fd_.get());
  return info ? info->memory : 0;
}

MapShape shape_of(const ir::MapSpec& spec) {
  MapShape shape{spec.name, 0, spec.key_size, spec.value_size, spec.entries, 0};
  switch (spec.type) {
    case ir::MapType::kHash:
      // Declared sizes are limits, often generous: memory is taken as entries come. (The kernel's own allocator makes
      // that cheap and safe wherever programs run since 6.1.)
      shape.type = BPF_MAP_TYPE_HASH;
      shape.flags = BPF_F_NO_PREALLOC;
      break;
    case ir::MapType::kLru:
      shape.type = BPF_MAP_TYPE_LRU_HASH;
      break;
    case ir::MapType::kLpm:
      shape.type = BPF_MAP_TYPE_LPM_TRIE;
      shape.flags = BPF_F_NO_PREALLOC;  // the kernel insists
      break;
    case ir::MapType::kArray:
      shape.type = BPF_MAP_TYPE_ARRAY;
      break;
  }
  return shape;
}

bool is_compatible(const MapShape& existing, const MapShape& wanted) {
  return existing.type == wanted.type && existing.key_size == wanted.key_size &&
         existing.value_size == wanted.value_size && existing.entries == wanted.entries &&
         existing.flags == wanted.flags;
}

Result<MappedValue> MappedValue::map(const Map& map, bool writable) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  MappedValue value;
  value.size_ = map.shape().value_size;
  const size_t mapped = (value.size_ + page - 1) / page * page;
  void* address = mmap(nullptr, mapped, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, map.fd(), 0);
  if (address == MAP_FAILED) return errno_error("see the memory of " + described(map.shape()), errno);
  value.data_ = static_cast<uint8_t*>(address);
  value.mapped_ = mapped;
  return value;
}

MappedValue::MappedValue(MappedValue&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(other.size_), mapped_(other.mapped_) {}

MappedValue& MappedValue::operator=(MappedValue&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

MappedValue::~MappedValue() {
  if (data_ != nullptr) munmap(data_, mapped_);
}

}  // namespace perilune::bpf
