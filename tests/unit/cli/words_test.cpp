// Numbers, queue ranges and misspelt words on the command line.
#include <gtest/gtest.h>

#include "cli/commands/run_options.h"
#include "cli/units.h"

namespace perilune::cli {
namespace {

TEST(Units, Bytes) {
  EXPECT_EQ(parse_bytes("1").value(), 1U);
  EXPECT_EQ(parse_bytes("4k").value(), 4096U);
  EXPECT_EQ(parse_bytes("64M").value(), 64U << 20);
  EXPECT_EQ(parse_bytes("2G").value(), 2ULL << 30);
  EXPECT_EQ(parse_bytes("16777215T").value(), 16777215ULL << 40);
}

TEST(Units, CountsAreDecimal) {
  EXPECT_EQ(parse_count("10k").value(), 10'000U);
  EXPECT_EQ(parse_count("1G").value(), 1'000'000'000U);
  EXPECT_EQ(parse_count("18446744073709551615").value(), UINT64_MAX);
}

TEST(Units, WrongOnesAreRefused) {
  for (const char* text : {"", " 1", "1 ", "-1", "+1", "0", "0k", "x", "k", "1kk", "1kB", "1.5M", "0x10", "1e3",
                           "18446744073709551616", "16777216T", "99999999999999999999G", "1\n"}) {
    const Result<uint64_t> bytes = parse_bytes(text);
    EXPECT_FALSE(bytes.has_value()) << text;
    if (!bytes) {
      EXPECT_EQ(bytes.error().fault, Fault::kInput);
    }
  }
  EXPECT_EQ(parse_bytes("12X").error().message, "'12X' has an unknown unit");
  EXPECT_FALSE(parse_bytes("12X").error().hint.empty());
}

TEST(Units, ForPeople) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(UINT64_MAX), "18,446,744,073,709,551,615");
  EXPECT_EQ(bytes_for_people(0), "0 bytes");
  EXPECT_EQ(bytes_for_people(1023), "1023 bytes");
  EXPECT_EQ(bytes_for_people(1536), "1.5 KiB");
  EXPECT_EQ(bytes_for_people(uint64_t{5} << 40), "5.0 TiB");
  EXPECT_EQ(bytes_for_people(UINT64_MAX), "16777216.0 TiB");
}

TEST(Queues, NumbersAndRanges) {
  EXPECT_EQ(parse_queues("0")->last, 0);
  EXPECT_EQ(parse_queues("65535")->first, 65535);
  EXPECT_EQ(parse_queues("2-5")->first, 2);
  EXPECT_EQ(parse_queues("2-5")->last, 5);
  EXPECT_EQ(parse_queues("0-255")->last, 255);
  for (const char* text : {"", "-", "1-", "-1", "5-2", "65536", "1-65536", "a", "1,2", " 1", "1 ", "1--2", "0-256"}) {
    EXPECT_FALSE(parse_queues(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace perilune::cli
