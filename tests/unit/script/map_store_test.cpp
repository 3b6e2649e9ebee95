// Maps below the scripts: many threads, texts of keys and values, the table they are made of.
#include "script/maps/map_store.h"

#include <cstring>
#include <list>
#include <random>
#include <thread>
#include <unordered_map>

#include <gtest/gtest.h>

#include "script/maps/map_table.h"

namespace perilune::script {
namespace {

Shape shape(std::string_view name) {
  return {{*parse_shape_part(name)}, false};
}

Map* declare(MapStore& store, MapKind kind, std::string name, Shape key, Shape value, uint32_t size,
             uint64_t ttl_ns = 0) {
  auto map = store.declare({kind, std::move(name), std::move(key), std::move(value), size, ttl_ns, true});
  EXPECT_TRUE(map.has_value()) << map.error();
  return map.value_or(nullptr);
}

std::vector<uint8_t> u32(uint32_t value) {
  std::vector<uint8_t> bytes(4);
  std::memcpy(bytes.data(), &value, 4);
  return bytes;
}

uint64_t value_of(Map& map, const std::vector<uint8_t>& key) {
  uint64_t value = 0;
  return map.get(key.data(), reinterpret_cast<uint8_t*>(&value), 0) ? value : UINT64_MAX;
}

TEST(MapStore, ThreadsLoseNoAddition) {
  MapStore store;
  constexpr unsigned kThreads = 4;
  constexpr uint32_t kRounds = 20'000;
  Map* hash = declare(store, MapKind::kHash, "hash", shape("u32"), shape("u64"), 10'000);
  Map* lru = declare(store, MapKind::kLru, "lru", shape("u32"), shape("u64"), 100);
  Map* array = declare(store, MapKind::kArray, "array", {}, shape("u64"), 10);
  Map* counter = declare(store, MapKind::kCounter, "counter", {}, shape("u64"), 1);
  Map* lpm = declare(store, MapKind::kLpm, "lpm", shape("ip"), shape("u64"), 10);
  std::vector<uint8_t> network(18);
  network[0] = 4;  // 0.0.0.0/0
  const uint64_t zero = 0;
  ASSERT_EQ(lpm->set(network.data(), reinterpret_cast<const uint8_t*>(&zero), 0), Map::Outcome::kDone);
  network[1] = 32;
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kThreads; ++worker) {
    threads.emplace_back([=] {
      std::minstd_rand random(worker + 1);
      for (uint32_t i = 0; i < kRounds; ++i) {
        int64_t sum = 0;
        EXPECT_EQ(hash->add(u32(i % 5'000).data(), 1, 0, worker, sum), Map::Outcome::kDone);
        EXPECT_EQ(lru->add(u32(i % 100).data(), 1, 0, worker, sum), Map::Outcome::kDone);
        EXPECT_EQ(array->add(u32(i % 10).data(), 1, 0, worker, sum), Map::Outcome::kDone);
        EXPECT_EQ(counter->add(nullptr, 1, 0, worker, sum), Map::Outcome::kDone);
        EXPECT_EQ(lpm->add(network.data(), 1, 0, worker, sum), Map::Outcome::kDone);
        if (i % 1000 == 0) {
          EXPECT_LE(hash->entries(0).size(), 10'000U);
          EXPECT_LE(lru->count(0), 100U);
        }
        // Keys that come and go beside those that are counted.
        const uint32_t other = 1'000'000 + static_cast<uint32_t>(random() % 2'000);
        if (i % 2 == 0) {
          (void)hash->set(u32(other).data(), reinterpret_cast<const uint8_t*>(&zero), 0);
        } else {
          hash->erase(u32(other).data());
        }
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  for (uint32_t key = 0; key < 5'000; ++key)
    ASSERT_EQ(value_of(*hash, u32(key)), kThreads * kRounds / 5'000);
  for (uint32_t key = 0; key < 100; ++key)
    ASSERT_EQ(value_of(*lru, u32(key)), kThreads * kRounds / 100);
  for (uint32_t key = 0; key < 10; ++key)
    ASSERT_EQ(value_of(*array, u32(key)), kThreads * kRounds / 10);
  EXPECT_EQ(value_of(*counter, {}), kThreads * kRounds);
  EXPECT_EQ(value_of(*lpm, network), kThreads * kRounds);
  EXPECT_EQ(hash->count(0), hash->entries(0).size());
}

TEST(MapStore, AFullMapStaysWithinItsSizeUnderThreads) {
  MapStore store;
  Map* hash = declare(store, MapKind::kHash, "hash", shape("u32"), shape("u8"), 5'000);
  Map* lru = declare(store, MapKind::kLru, "lru", shape("u32"), shape("u8"), 5'000);
  std::vector<std::thread> threads;
  for (uint32_t worker = 0; worker < 4; ++worker) {
    threads.emplace_back([=] {
      const uint8_t value = 1;
      for (uint32_t i = 0; i < 20'000; ++i) {
        (void)hash->set(u32(i * 4 + worker).data(), &value, 0);
        EXPECT_EQ(lru->set(u32(i * 4 + worker).data(), &value, 0), Map::Outcome::kDone);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(hash->count(0), 5'000U);
  EXPECT_EQ(hash->entries(0).size(), 5'000U);
  EXPECT_EQ(lru->count(0), 5'000U);
  EXPECT_EQ(lru->entries(0).size(), 5'000U);
}

TEST(MapStore, TextsForPeople) {
  MapStore store;
  Map* map = declare(store, MapKind::kHash, "m",
                     {{*parse_shape_part("ip"), *parse_shape_part("u16"), *parse_shape_part("mac")}, true},
                     {{*parse_shape_part("i8"), *parse_shape_part("bool"), *parse_shape_part("string:6")}, true}, 9);
  std::vector<uint8_t> key(17 + 2 + 6);
  key[0] = 4;
  key[1] = 192;
  key[4] = 1;
  key[17] = 80;
  key[24] = 0xab;
  std::vector<uint8_t> value{0xff, 1, 3, 0, 'a', '\n', '\\', 0, 0, 0};
  EXPECT_EQ(map->key_text(key), "192.0.0.1, 80, 00:00:00:00:00:ab");
  EXPECT_EQ(map->value_text(value), "-1, true, a\\x0a\\x5c");
  key[0] = 6;
  EXPECT_EQ(map->key_text(key).substr(0, 7), "c000:1:");
  EXPECT_EQ(map->declaration().key.text(), "{'ip', 'u16', 'mac'}");
  EXPECT_EQ(shape("string:6").text(), "'string:6'");
  Map* big = declare(store, MapKind::kHash, "u", shape("u64"), shape("u64"), 9);
  EXPECT_EQ(big->value_text(std::vector<uint8_t>(8, 0xff)), "18446744073709551615");
  Map* lpm = declare(store, MapKind::kLpm, "l", shape("ip"), shape("u8"), 9);
  std::vector<uint8_t> network(18);
  network[0] = 6;
  network[1] = 33;
  network[2] = 0x20;
  EXPECT_EQ(lpm->key_text(network), "2000::/33");
}

TEST(MapStore, EntriesAreInOrder) {
  MapStore store;
  Map* map = declare(store, MapKind::kHash, "m", shape("i32"), shape("u8"), 900);
  const uint8_t value = 0;
  for (const int key : {300, -5, 2, 1000, 0})
    (void)map->set(u32(static_cast<uint32_t>(key)).data(), &value, 0);
  std::string order;
  for (const Map::Entry& entry : map->entries(0))
    order += map->key_text(entry.key) + " ";
  EXPECT_EQ(order, "-5 0 2 300 1000 ");
}

TEST(MapStore, LimitsAreForAllMapsTogether) {
  MapStore store(1U << 20);
  const auto declaration = [](std::string name, uint32_t size) {
    return MapDeclaration{MapKind::kHash, std::move(name), shape("u64"), shape("u64"), size, 0, true};
  };
  EXPECT_TRUE(store.declare(declaration("a", 10'000)).has_value());
  const auto refused = store.declare(declaration("b", 20'000));
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().find("map 'b' would take"), std::string::npos);
  EXPECT_TRUE(store.declare(declaration("a", 10'000)).has_value()) << "the same again takes nothing";
  EXPECT_TRUE(store.declare(declaration("c", 1'000)).has_value());
}

TEST(MapStore, ATimeThatGoesBackExpiresNothing) {
  MapStore store;
  Map* map = declare(store, MapKind::kHash, "m", shape("u32"), shape("u8"), 9, 100);
  uint8_t value = 1;
  (void)map->set(u32(1).data(), &value, 1'000);
  EXPECT_TRUE(map->get(u32(1).data(), &value, 5));
  EXPECT_TRUE(map->get(u32(1).data(), &value, 1'099));
  EXPECT_FALSE(map->get(u32(1).data(), &value, 1'100));
}

// Against a list and a std::unordered_map.
TEST(MapTable, AgreesWithASlowModel) {
  constexpr uint32_t kCapacity = 300;
  std::minstd_rand random(7);
  MapTable table(4, 4, kCapacity, 16);  // long chains
  std::list<uint32_t> order;            // oldest first
  std::unordered_map<uint32_t, uint32_t> model;
  for (int step = 0; step < 200'000; ++step) {
    const auto key = static_cast<uint32_t>(random() % 500);
    const std::vector<uint8_t> bytes = u32(key);
    const uint64_t hash = hash_key(bytes.data(), 4, 99);
    const uint32_t entry = table.find(bytes.data(), hash);
    ASSERT_EQ(entry != MapTable::kNone, model.contains(key));
    switch (random() % 4) {
      case 0:
        if (entry != MapTable::kNone) {
          table.erase(entry);
          model.erase(key);
          order.remove(key);
        }
        break;
      case 1:
        if (entry != MapTable::kNone) {
          table.touch(entry);
          order.remove(key);
          order.push_back(key);
        }
        break;
      default:
        if (entry == MapTable::kNone) {
          const uint32_t created = table.insert(bytes.data(), hash, 0);
          ASSERT_EQ(created != MapTable::kNone, model.size() < kCapacity);
          if (created != MapTable::kNone) {
            const auto value = static_cast<uint32_t>(step);
            std::memcpy(table.value(created), &value, 4);
            model[key] = value;
            order.push_back(key);
          }
        } else {
          uint32_t value = 0;
          std::memcpy(&value, table.value(entry), 4);
          ASSERT_EQ(value, model[key]);
        }
    }
    ASSERT_EQ(table.count(), model.size());
    if (step % 1000 == 0) {
      auto expected = order.begin();
      for (uint32_t at = table.oldest(); at != MapTable::kNone; at = table.newer(at), ++expected) {
        ASSERT_NE(expected, order.end());
        ASSERT_EQ(std::memcmp(table.key(at), &*expected, 4), 0);
      }
      ASSERT_EQ(expected, order.end());
    }
  }
}

}  // namespace
}  // namespace perilune::script
