// Random layouts on random memory, read and written through Lua, against a reference that looks at one bit at a time.
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include <unistd.h>

#include "luadata/bits.h"
#include "support.h"

namespace perilune::luadata::test {
namespace {

uint64_t seed() {
  static const uint64_t value = [] {
    const char* given = std::getenv("PERILUNE_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
  }();
  return value;
}

// One bit at a time, straight from the manual: bit 0 is the top bit of byte 0; a little-endian number is cut into
// groups of eight from the front, the first group the least significant.
using Bits = std::vector<int>;

Bits bits_of(const std::vector<uint8_t>& bytes) {
  Bits bits;
  for (const uint8_t byte : bytes) {
    for (int i = 7; i >= 0; --i)
      bits.push_back((byte >> i) & 1);
  }
  return bits;
}

// For each bit of a field in the order of memory, which bit of the number it is.
std::vector<unsigned> significance(unsigned width, bool little) {
  std::vector<unsigned> order;
  for (unsigned i = 0; i < width; ++i) {
    if (!little) {
      order.push_back(width - 1 - i);
      continue;
    }
    const unsigned group = i / 8;
    const unsigned size = std::min(8U, width - group * 8);
    order.push_back(group * 8 + (size - 1 - i % 8));
  }
  return order;
}

uint64_t reference_read(const Bits& bits, size_t offset, unsigned width, bool little) {
  const auto order = significance(width, little);
  uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i)
    value |= static_cast<uint64_t>(bits[offset + i]) << order[i];
  return value;
}

void reference_write(Bits& bits, size_t offset, unsigned width, bool little, uint64_t value) {
  const auto order = significance(width, little);
  for (unsigned i = 0; i < width; ++i)
    bits[offset + i] = static_cast<int>((value >> order[i]) & 1);
}

int64_t reference_signed(uint64_t value, unsigned width) {
  if (width < 64 && (value >> (width - 1)) != 0) value |= ~uint64_t{0} << width;
  return static_cast<int64_t>(value);
}

TEST(Bits, ExhaustiveOverAlignmentsAndWidths) {
  std::mt19937_64 random(1);
  for (unsigned first = 0; first < 8; ++first) {
    for (unsigned width = 1; width <= 64; ++width) {
      for (const bool little : {false, true}) {
        for (int round = 0; round < 8; ++round) {
          const size_t size = (first + width + 7) / 8;
          std::vector<uint8_t> bytes(size);
          for (auto& byte : bytes)
            byte = static_cast<uint8_t>(round == 0 ? 0xff : round == 1 ? 0 : random());
          // An exact-size copy, so that the sanitizer sees a byte too many.
          const auto exact = std::make_unique<uint8_t[]>(size);
          std::memcpy(exact.get(), bytes.data(), size);
          Bits bits = bits_of(bytes);
          ASSERT_EQ(read_bits(exact.get(), first, width, little), reference_read(bits, first, width, little))
              << first << " " << width << " " << little;
          const uint64_t value = round == 2 ? ~uint64_t{0} : random();
          write_bits(exact.get(), first, width, little, value);
          reference_write(bits, first, width, little, value);
          ASSERT_EQ(bits_of({exact.get(), exact.get() + size}), bits) << first << " " << width << " " << little;
        }
      }
    }
  }
}

struct Case {
  std::vector<uint8_t> bytes;
  uint64_t offset;
  uint64_t length;
  std::string type;
  std::string endian;
  int spelling;
};

// Mostly inside or just about outside the object, sometimes absurd.
Case random_case(std::mt19937_64& random) {
  Case made;
  const auto below = [&](uint64_t bound) { return random() % bound; };
  made.bytes.resize(1 + below(24));
  for (auto& byte : made.bytes)
    byte = static_cast<uint8_t>(random());
  const char* types[] = {"number", "signed", "string"};
  made.type = types[below(3)];
  const uint64_t unit = made.type == "string" ? 1 : 8;
  const uint64_t size = made.bytes.size() * unit;
  made.offset = below(16) == 0 ? random() >> (1 + below(60)) : below(size + unit + 2);
  made.length = below(16) == 0 ? random() >> (1 + below(60)) : below(unit == 1 ? size + 2 : 68);
  if (below(3) == 0) made.offset = made.offset / 8 * 8;
  if (below(3) == 0) made.length = uint64_t{8} << below(4);
  const char* endians[] = {"", "big", "net", "little", "host"};
  made.endian = endians[below(5)];
  made.spelling = static_cast<int>(below(4));
  return made;
}

bool is_little(const Case& example) {
  return example.endian == "little" || (example.endian == "host" && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
}

std::string spelled(const Case& example) {
  const std::string offset = std::to_string(example.offset);
  const std::string length = std::to_string(example.length);
  const std::string type = "'" + example.type + "'";
  const std::string endian = example.endian.empty() ? "nil" : "'" + example.endian + "'";
  switch (example.spelling) {
    case 0:
      return "{" + offset + ", " + length + ", " + type + ", " + endian + "}";
    case 1:
      return "{offset=" + offset + ", length=" + length + ", type=" + type + ", endian=" + endian + "}";
    case 2:
      if (example.type == "number")
        return "{" + offset + ", " + length + (example.endian.empty() ? "" : ", " + endian) + "}";
      return "{" + offset + ", " + length + ", type=" + type + ", endian=" + endian + "}";
    default:
      return "{9, 9, offset=" + offset + ", length=" + length + ", type=" + type + ", endian=" + endian + "}";
  }
}

bool reachable(const Case& example) {
  const bool is_string = example.type == "string";
  const uint64_t size = example.bytes.size() * (is_string ? 1 : 8);
  if (example.length == 0 || (!is_string && example.length > 64)) return false;
  return example.offset < size && example.length <= size - example.offset;
}

class Property : public testing::Test {
 protected:
  // Defines f on a view of exactly the case's bytes.
  void prepare(const Case& example) {
    exact_ = std::make_unique<uint8_t[]>(example.bytes.size());
    std::memcpy(exact_.get(), example.bytes.data(), example.bytes.size());
    memory_.release();
    memory_.show(exact_.get(), example.bytes.size());
    push_view(state_.lua(), memory_, 0, example.bytes.size());
    state_.set_global("d");
    ASSERT_EQ(state_.run("d:layout {f = " + spelled(example) + "}"), "") << spelled(example);
  }
  std::vector<uint8_t> bytes(const Case& example) const { return {exact_.get(), exact_.get() + example.bytes.size()}; }

  void check_read(const Case& example) {
    lua_State* L = state_.lua();
    lua_getglobal(L, "d");
    lua_getfield(L, -1, "f");
    if (!reachable(example)) {
      EXPECT_TRUE(lua_isnil(L, -1));
    } else if (example.type == "string") {
      size_t length = 0;
      const char* text = lua_tolstring(L, -1, &length);
      ASSERT_NE(text, nullptr);
      ASSERT_EQ(length, example.length);
      EXPECT_EQ(std::memcmp(text, exact_.get() + example.offset, length), 0);
    } else {
      ASSERT_TRUE(lua_isinteger(L, -1));
      const auto width = static_cast<unsigned>(example.length);
      const uint64_t value = reference_read(bits_of(bytes(example)), example.offset, width, is_little(example));
      EXPECT_EQ(lua_tointeger(L, -1),
                example.type == "signed" ? reference_signed(value, width) : static_cast<lua_Integer>(value));
    }
    lua_settop(L, 0);
  }

  void check_write(const Case& example, std::mt19937_64& random) {
    lua_State* L = state_.lua();
    std::vector<uint8_t> expected = bytes(example);
    lua_getglobal(L, "d");
    if (example.type == "string") {
      std::string text(random() % (example.bytes.size() + 4), '\0');
      for (char& c : text)
        c = static_cast<char>(random());
      lua_pushlstring(L, text.data(), text.size());
      if (reachable(example))
        std::memcpy(expected.data() + example.offset, text.data(), std::min<size_t>(text.size(), example.length));
    } else {
      const uint64_t value = random() >> (random() % 64);
      lua_pushinteger(L, static_cast<lua_Integer>(value));
      if (reachable(example)) {
        Bits bits = bits_of(expected);
        reference_write(bits, example.offset, static_cast<unsigned>(example.length), is_little(example), value);
        for (size_t i = 0; i < expected.size(); ++i) {
          expected[i] = 0;
          for (size_t j = 0; j < 8; ++j)
            expected[i] = static_cast<uint8_t>(expected[i] << 1 | bits[i * 8 + j]);
        }
      }
    }
    lua_setfield(L, -2, "f");
    lua_settop(L, 0);
    EXPECT_EQ(bytes(example), expected);
  }

  Memory memory_;
  std::unique_ptr<uint8_t[]> exact_;
  TestState state_;
};

TEST_F(Property, ReadsAndWritesAgreeWithTheReference) {
  constexpr int kCases = 20000;
  std::mt19937_64 random(seed());
  int inside = 0;
  for (int i = 0; i < kCases && !HasFailure(); ++i) {
    const Case example = random_case(random);
    SCOPED_TRACE(spelled(example) + " over " + std::to_string(example.bytes.size()) +
                 " bytes, PERILUNE_SEED=" + std::to_string(seed()) + ", case " + std::to_string(i));
    prepare(example);
    check_read(example);
    check_write(example, random);
    check_read(example);
    if (reachable(example)) ++inside;
  }
  std::printf("PERILUNE_SEED=%llu: %d of %d fields inside the object\n", static_cast<unsigned long long>(seed()),
              inside, kCases);
  EXPECT_GT(inside, kCases / 4);
}

TEST_F(Property, SegmentsAgreeWithAModel) {
  std::mt19937_64 random(seed());
  lua_State* L = state_.lua();
  for (int i = 0; i < 4000 && !HasFailure(); ++i) {
    SCOPED_TRACE("PERILUNE_SEED=" + std::to_string(seed()) + ", case " + std::to_string(i));
    std::string model(1 + random() % 30, '\0');
    for (char& c : model)
      c = static_cast<char>(random());
    memory_.release();
    memory_.show(reinterpret_cast<uint8_t*>(model.data()), model.size());
    push_view(L, memory_, 0, model.size());
    size_t start = 0;
    size_t length = model.size();
    for (int depth = 0; depth < 4; ++depth) {
      const auto offset = static_cast<lua_Integer>(random() % (length + 3)) - 1;
      const auto wanted = static_cast<lua_Integer>(random() % (length + 5)) - 1;
      lua_getfield(L, -1, "segment");
      lua_insert(L, -2);
      lua_pushinteger(L, offset);
      const bool to_end = random() % 4 == 0;
      if (!to_end) lua_pushinteger(L, wanted);
      lua_call(L, to_end ? 2 : 3, 1);
      if (offset < 0 || static_cast<size_t>(offset) > length || (!to_end && wanted < 0)) {
        EXPECT_TRUE(lua_isnil(L, -1));
        break;
      }
      start += static_cast<size_t>(offset);
      length -= static_cast<size_t>(offset);
      if (!to_end) length = std::min(length, static_cast<size_t>(wanted));
      size_t size = 0;
      const uint8_t* bytes = view_bytes(L, -1, size);
      ASSERT_EQ(size, length);
      ASSERT_EQ(bytes, reinterpret_cast<uint8_t*>(model.data()) + start);
    }
    lua_settop(L, 0);
  }
}

}  // namespace
}  // namespace perilune::luadata::test
