// The same calls on our maps and on the kernel's own give the same results.
#include <cerrno>
#include <cstring>
#include <random>
#include <set>

#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file_descriptor.h"
#include "map_helpers.h"

namespace perilune::vm {
namespace {

int call_bpf(bpf_cmd command, bpf_attr& attributes) {
  const long result = syscall(__NR_bpf, command, &attributes, sizeof attributes);
  return result < 0 ? -errno : static_cast<int>(result);
}

class KernelMap {
 public:
  KernelMap(bpf_map_type type, const ir::MapSpec& spec, uint32_t flags) : value_size_(spec.value_size) {
    bpf_attr attributes{};
    attributes.map_type = type;
    attributes.key_size = spec.key_size;
    attributes.value_size = spec.value_size;
    attributes.max_entries = spec.entries;
    attributes.map_flags = flags;
    error_ = call_bpf(BPF_MAP_CREATE, attributes);
    if (error_ >= 0) fd_ = FileDescriptor(error_);
  }
  [[nodiscard]] int error() const { return error_; }

  int update(const uint8_t* key, const uint8_t* value, uint64_t flags) {
    bpf_attr attributes = about(key);
    attributes.value = reinterpret_cast<uint64_t>(value);
    attributes.flags = flags;
    return call_bpf(BPF_MAP_UPDATE_ELEM, attributes);
  }
  int erase(const uint8_t* key) {
    bpf_attr attributes = about(key);
    return call_bpf(BPF_MAP_DELETE_ELEM, attributes);
  }
  std::optional<std::vector<uint8_t>> lookup(const uint8_t* key) {
    std::vector<uint8_t> value(value_size_);
    bpf_attr attributes = about(key);
    attributes.value = reinterpret_cast<uint64_t>(value.data());
    if (call_bpf(BPF_MAP_LOOKUP_ELEM, attributes) < 0) return std::nullopt;
    return value;
  }

 private:
  bpf_attr about(const uint8_t* key) {
    bpf_attr attributes{};
    attributes.map_fd = static_cast<uint32_t>(fd_.get());
    attributes.key = reinterpret_cast<uint64_t>(key);
    return attributes;
  }

  uint32_t value_size_;
  int error_ = 0;
  FileDescriptor fd_;
};

// `make_key(random)` makes one key.
template <typename MakeKey>
void compare(bpf_map_type kernel_type, uint32_t kernel_flags, const ir::MapSpec& spec, MakeKey make_key) {
  KernelMap theirs(kernel_type, spec, kernel_flags);
  if (theirs.error() < 0) GTEST_SKIP() << "the kernel lets us make no maps: " << strerror(-theirs.error());
  auto ours = make_map(spec).value();
  std::mt19937_64 random(4);
  std::vector<uint8_t> value(spec.value_size);
  std::set<int> seen;
  for (int i = 0; i < 30'000; ++i) {
    const std::vector<uint8_t> key = make_key(random);
    for (uint8_t& byte : value)
      byte = static_cast<uint8_t>(random());
    switch (random() % 4) {
      case 0: {
        const auto expected = theirs.lookup(key.data());
        const uint8_t* found = ours->lookup(key.data());
        ASSERT_EQ(found != nullptr, expected.has_value()) << "look-up, step " << i;
        if (found != nullptr) {
          ASSERT_EQ(std::memcmp(found, expected->data(), spec.value_size), 0) << i;
        }
        break;
      }
      case 1: {
        const int expected = theirs.erase(key.data());
        ASSERT_EQ(ours->erase(key.data()), expected) << "delete, step " << i;
        seen.insert(expected);
        break;
      }
      default: {
        const uint64_t flags = random() % 4 == 0 ? random() % 4 : 0;
        const int expected = theirs.update(key.data(), value.data(), flags);
        if (expected == -EINVAL && flags == 3) break;  // refused for a reason of its own
        ASSERT_EQ(ours->update(key.data(), value.data(), flags), expected)
            << "update, flags " << flags << ", step " << i;
        seen.insert(expected);
        break;
      }
    }
  }
  EXPECT_GT(seen.size(), 1U) << "some calls succeed, some fail";
}

TEST(KernelMaps, HashMapsAreTheSame) {
  compare(BPF_MAP_TYPE_HASH, 0, map_spec(ir::MapType::kHash, 5, 16, 50), [](std::mt19937_64& random) {
    return std::vector<uint8_t>{1, 2, 3, 4, static_cast<uint8_t>(random() % 70)};
  });
}

TEST(KernelMaps, ArrayMapsAreTheSame) {
  compare(BPF_MAP_TYPE_ARRAY, 0, map_spec(ir::MapType::kArray, 4, 8, 50), [](std::mt19937_64& random) {
    return std::vector<uint8_t>{static_cast<uint8_t>(random() % 60), 0, 0, 0};
  });
}

TEST(KernelMaps, LpmMapsAreTheSame) {
  compare(BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, map_spec(ir::MapType::kLpm, 8, 8, 100'000),
          [](std::mt19937_64& random) {
            return prefix(static_cast<uint32_t>(random() % 34), static_cast<uint8_t>(random() % 3), 0,
                          static_cast<uint8_t>(random() % 3), static_cast<uint8_t>(random() % 3));
          });
}

}  // namespace
}  // namespace perilune::vm
