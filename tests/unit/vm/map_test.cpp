#include "vm/map.h"

#include <atomic>
#include <bit>
#include <cerrno>
#include <list>
#include <map>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "map_helpers.h"
#include "vm/entry_table.h"

namespace perilune::vm {
namespace {

using ir::MapType;

TEST(HashMap, FlagsGiveTheKernelsErrors) {
  NumberMap map(MapType::kHash, 2);
  EXPECT_EQ(map.set(1, 10, kExist), -ENOENT);
  EXPECT_EQ(map.set(1, 10, kNoExist), 0);
  EXPECT_EQ(map.set(1, 11, kNoExist), -EEXIST);
  EXPECT_EQ(map.set(1, 12, kExist), 0);
  EXPECT_EQ(map.get(1), 12U);
  EXPECT_EQ(map.set(2, 20), 0);
  EXPECT_EQ(map.set(3, 30), -E2BIG);
  EXPECT_EQ(map.set(1, 13), 0) << "a full map still takes new values for its keys";
  EXPECT_EQ(map.set(1, 13, 3), -EINVAL);
  EXPECT_EQ(map.erase(3), -ENOENT);
  EXPECT_EQ(map.erase(1), 0);
  EXPECT_EQ(map.get(1), std::nullopt);
  EXPECT_EQ(map.set(3, 30), 0);
  EXPECT_EQ(map.map().count(), 2U);
}

TEST(ArrayMap, EveryIndexIsThereAndNoOther) {
  NumberMap map(MapType::kArray, 3);
  EXPECT_EQ(map.get(2), 0U);
  EXPECT_EQ(map.get(3), std::nullopt);
  EXPECT_EQ(map.set(2, 5), 0);
  EXPECT_EQ(map.get(2), 5U);
  EXPECT_EQ(map.set(3, 5), -E2BIG);
  EXPECT_EQ(map.set(2, 5, kNoExist), -EEXIST);
  EXPECT_EQ(map.set(2, 6, kExist), 0);
  EXPECT_EQ(map.erase(2), -EINVAL);
  EXPECT_EQ(map.map().count(), 3U);
}

TEST(LruMap, ASmallOneEvictsExactlyTheLeastRecentlyUsed) {
  constexpr uint64_t kSize = 100;
  NumberMap map(MapType::kLru, kSize);
  std::list<uint64_t> order;  // newest first
  std::map<uint64_t, uint64_t> model;
  std::mt19937_64 random(1);
  for (int i = 0; i < 50'000; ++i) {
    const uint64_t key = random() % 150;
    const auto found = model.find(key);
    switch (random() % 4) {
      case 0:
        ASSERT_EQ(map.get(key).has_value(), found != model.end()) << i;
        if (found != model.end()) {
          order.remove(key);
          order.push_front(key);
        }
        break;
      case 1:
        ASSERT_EQ(map.erase(key), found == model.end() ? -ENOENT : 0) << i;
        order.remove(key);
        model.erase(key);
        break;
      default: {
        const uint64_t value = random();
        ASSERT_EQ(map.set(key, value), 0);
        if (found == model.end() && model.size() == kSize) {
          model.erase(order.back());
          order.pop_back();
        }
        order.remove(key);
        order.push_front(key);
        model[key] = value;
        break;
      }
    }
    ASSERT_EQ(map.map().count(), model.size());
  }
  std::map<uint64_t, uint64_t> entries;
  map.map().for_each([&](const uint8_t* key, uint8_t* value) {
    uint64_t number;
    std::memcpy(&number, key, 8);
    std::memcpy(&entries[number], value, 8);
  });
  EXPECT_EQ(entries, model);
}

TEST(LruMap, ALargeOneNeverHoldsMoreThanItsSize) {
  constexpr uint32_t kSize = 5'000;
  NumberMap map(MapType::kLru, kSize);
  for (uint64_t key = 0; key < 4 * kSize; ++key) {
    ASSERT_EQ(map.set(key, key), 0);
    ASSERT_EQ(map.get(key), key);
  }
  EXPECT_EQ(map.map().count(), kSize);
}

TEST(HashMap, RandomOperationsAgreeWithAModel) {
  constexpr uint64_t kSize = 1'000;
  NumberMap map(MapType::kHash, kSize);
  std::map<uint64_t, uint64_t> model;
  std::mt19937_64 random(2);
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t key = random() % 1'500;
    const bool has = model.contains(key);
    switch (random() % 3) {
      case 0:
        ASSERT_EQ(map.get(key), has ? std::optional(model[key]) : std::nullopt);
        break;
      case 1:
        ASSERT_EQ(map.erase(key), has ? 0 : -ENOENT);
        model.erase(key);
        break;
      default: {
        const uint64_t value = random();
        const bool fits = has || model.size() < kSize;
        ASSERT_EQ(map.set(key, value), fits ? 0 : -E2BIG);
        if (fits) model[key] = value;
        break;
      }
    }
  }
  EXPECT_EQ(map.map().count(), model.size());
}

TEST(HashMap, KeysOfOddSizesAreComparedWhole) {
  auto map = make_map(map_spec(MapType::kHash, 13, 8, 10)).value();
  std::vector<uint8_t> key(13, 1);
  const std::vector<uint8_t> value(8, 7);
  ASSERT_EQ(map->update(key.data(), value.data(), kAny), 0);
  for (size_t i = 0; i < key.size(); ++i) {
    std::vector<uint8_t> other = key;
    other[i] ^= 0x80;
    EXPECT_EQ(map->lookup(other.data()), nullptr) << i;
  }
  EXPECT_NE(map->lookup(key.data()), nullptr);
}

TEST(HashMap, AValueStaysWhereItIs) {
  NumberMap map(MapType::kHash, 1'000);
  ASSERT_EQ(map.set(1, 1), 0);
  const uint64_t key = 1;
  const uint8_t* value = map.map().lookup(reinterpret_cast<const uint8_t*>(&key));
  for (uint64_t other = 2; other <= 1'000; ++other)
    ASSERT_EQ(map.set(other, other), 0);
  ASSERT_EQ(map.set(1, 99), 0);
  EXPECT_EQ(map.map().lookup(reinterpret_cast<const uint8_t*>(&key)), value);
  EXPECT_EQ(*value, 99);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(value) % 8, 0U);
  EXPECT_TRUE(map.map().holds(reinterpret_cast<uint64_t>(value), 8));
  EXPECT_FALSE(map.map().holds(reinterpret_cast<uint64_t>(value) + 1, 8));
  EXPECT_FALSE(map.map().holds(reinterpret_cast<uint64_t>(value) - 1, 1)) << "the key, which code must not touch";
}

TEST(LpmMap, FindsTheLongestPrefix) {
  auto map = make_map(map_spec(MapType::kLpm, 8, 8, 4)).value();
  const auto set = [&](const std::vector<uint8_t>& key, uint64_t value, uint64_t flags = kAny) {
    return map->update(key.data(), reinterpret_cast<const uint8_t*>(&value), flags);
  };
  const auto get = [&](const std::vector<uint8_t>& key) -> uint64_t {
    const uint8_t* value = map->lookup(key.data());
    return value == nullptr ? 0 : *value;
  };
  EXPECT_EQ(set(prefix(33, 0, 0, 0, 0), 1), -EINVAL);
  EXPECT_EQ(set(prefix(24, 192, 0, 2, 0), 24), 0);
  EXPECT_EQ(set(prefix(16, 192, 0, 77, 77), 16), 0) << "what is behind the prefix does not count";
  EXPECT_EQ(set(prefix(24, 192, 0, 2, 99), 25, kNoExist), -EEXIST);
  EXPECT_EQ(set(prefix(25, 192, 0, 2, 0), 25, kExist), -ENOENT);
  EXPECT_EQ(get(prefix(32, 192, 0, 2, 1)), 24U);
  EXPECT_EQ(get(prefix(32, 192, 0, 3, 1)), 16U);
  EXPECT_EQ(get(prefix(32, 192, 1, 3, 1)), 0U);
  EXPECT_EQ(get(prefix(20, 192, 0, 2, 1)), 16U) << "a longer prefix does not hold the key";
  EXPECT_EQ(get(prefix(33, 192, 0, 2, 1)), 0U);
  EXPECT_EQ(set(prefix(0, 1, 1, 1, 1), 100), 0);
  EXPECT_EQ(get(prefix(32, 8, 8, 8, 8)), 100U);
  EXPECT_EQ(set(prefix(32, 192, 0, 2, 1), 32), 0);
  EXPECT_EQ(get(prefix(32, 192, 0, 2, 1)), 32U);
  EXPECT_EQ(set(prefix(8, 10, 0, 0, 0), 8), -ENOSPC);
  EXPECT_EQ(map->erase(prefix(24, 192, 0, 2, 0).data()), 0);
  EXPECT_EQ(map->erase(prefix(24, 192, 0, 2, 0).data()), -ENOENT);
  EXPECT_EQ(map->erase(prefix(33, 192, 0, 2, 0).data()), -EINVAL);
  EXPECT_EQ(get(prefix(32, 192, 0, 2, 2)), 16U);
  EXPECT_EQ(map->count(), 3U);
}

TEST(LpmMap, RandomPrefixesAgreeWithAModel) {
  auto map = make_map(map_spec(MapType::kLpm, 8, 8, 500)).value();
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> model;  // length and address to value
  const auto cut = [](uint32_t address, uint32_t length) {
    return length == 0 ? 0 : address & ~uint32_t{0} << (32 - length);
  };
  const auto key_of = [](uint32_t address, uint32_t length) {
    return prefix(length, static_cast<uint8_t>(address >> 24), static_cast<uint8_t>(address >> 16),
                  static_cast<uint8_t>(address >> 8), static_cast<uint8_t>(address));
  };
  std::mt19937 random(3);
  for (int i = 0; i < 50'000; ++i) {
    const auto address = static_cast<uint32_t>(random() & 0x03030303);
    const auto length = static_cast<uint32_t>(random() % 33);
    const auto key = key_of(address, length);
    const std::pair exact{length, cut(address, length)};
    switch (random() % 3) {
      case 0: {
        const uint8_t* found = map->lookup(key.data());
        uint64_t expected = 0;
        for (uint32_t shorter = 0; shorter <= length; ++shorter) {
          const auto entry = model.find({shorter, cut(address, shorter)});
          if (entry != model.end()) expected = entry->second;
        }
        ASSERT_EQ(found != nullptr, expected != 0) << i;
        if (found != nullptr) {
          ASSERT_EQ(std::memcmp(found, &expected, 8), 0) << i;
        }
        break;
      }
      case 1:
        ASSERT_EQ(map->erase(key.data()), model.erase(exact) == 0 ? -ENOENT : 0) << i;
        break;
      default: {
        const uint64_t value = uint64_t{random()} + 1;
        const bool fits = model.contains(exact) || model.size() < 500;
        ASSERT_EQ(map->update(key.data(), reinterpret_cast<const uint8_t*>(&value), kAny), fits ? 0 : -ENOSPC) << i;
        if (fits) model[exact] = value;
        break;
      }
    }
  }
  EXPECT_EQ(map->count(), model.size());
}

TEST(Maps, ShapesThatNoMapHasAreRefused) {
  EXPECT_FALSE(make_map(map_spec(MapType::kHash, 0, 8, 1)).has_value());
  EXPECT_FALSE(make_map(map_spec(MapType::kHash, EntryTable::kMaxKeyBytes + 1, 8, 1)).has_value());
  EXPECT_FALSE(make_map(map_spec(MapType::kHash, 8, 0, 1)).has_value());
  EXPECT_FALSE(make_map(map_spec(MapType::kHash, 8, 8, 0)).has_value());
  EXPECT_FALSE(make_map(map_spec(MapType::kLpm, 4, 8, 1)).has_value());
  EXPECT_FALSE(make_map(map_spec(MapType::kArray, 8, 8, 1)).has_value());
  EXPECT_TRUE(make_map(map_spec(MapType::kHash, EntryTable::kMaxKeyBytes, 8, 1'000'000)).has_value());
}

// Keys come and go under the readers' eyes. A value always is one that was written for its key: here, equal to it.
void run_readers_and_writers(MapType type, uint32_t entries) {
  NumberMap map(type, entries);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> found{0};
  constexpr uint64_t kForever = uint64_t{1} << 40;  // is never deleted
  ASSERT_EQ(map.set(kForever, kForever), 0);
  std::vector<std::thread> threads;
  for (uint64_t writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      std::mt19937_64 random(writer);
      for (int i = 0; i < 50'000; ++i) {
        const uint64_t key = random() % 64;
        if (random() % 2 == 0) {
          (void)map.set(key, key);
        } else {
          (void)map.erase(key);
        }
      }
      stop = true;
    });
  }
  bool lost = false;
  do {  // at least once, also when the writers are done before this thread gets a processor
    for (uint64_t key = 0; key < 64; ++key)
      found += map.get(key).has_value() ? 1 : 0;
    const bool there = map.get(kForever) == kForever;
    lost = lost || !there;
    found += there ? 1 : 0;
  } while (!stop);
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_FALSE(lost) << "a key that was there all the time was not found";
  EXPECT_GT(found.load(), 0U);
  uint64_t counted = 0;
  bool wrong = false;
  map.map().for_each([&](const uint8_t* key, uint8_t* value) {
    ++counted;
    wrong = wrong || std::memcmp(key, value, 8) != 0;
  });
  EXPECT_FALSE(wrong);
  EXPECT_EQ(counted, map.map().count());
}

TEST(Maps, ReadersFindWhatIsThereWhileOthersWrite) {
  run_readers_and_writers(MapType::kHash, 65);
  run_readers_and_writers(MapType::kHash, 1'000);
  run_readers_and_writers(MapType::kLru, 65);
}

}  // namespace
}  // namespace perilune::vm
