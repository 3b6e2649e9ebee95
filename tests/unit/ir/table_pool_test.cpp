#include "ir/generate/table_pool.h"

#include <vector>

#include <gtest/gtest.h>

namespace perilune::ir {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(TablePool, EqualTablesStandInOnePlace) {
  TablePool pool;
  const uint32_t first = pool.add(Bytes{1, 2, 3}, 8, 3);
  const uint32_t other = pool.add(Bytes{1, 2, 4}, 8, 3);
  EXPECT_NE(first, other);
  EXPECT_EQ(pool.add(Bytes{1, 2, 3}, 8, 3), first);
  EXPECT_EQ(other % 8, 0U);
  const Bytes all = pool.take();
  EXPECT_EQ(Bytes(all.begin() + other, all.begin() + other + 3), (Bytes{1, 2, 4}));
}

TEST(TablePool, AlignmentComesBeforeSharing) {
  TablePool pool;
  (void)pool.add(Bytes{9}, 1, 1);
  const uint32_t loose = pool.add(Bytes{1, 2, 3}, 1, 3);
  EXPECT_EQ(loose, 1U);
  EXPECT_EQ(pool.add(Bytes{1, 2, 3}, 16, 3) % 16, 0U);
}

TEST(TablePool, ZerosAsFarAsTheFarthestIsReached) {
  TablePool pool;
  (void)pool.add(Bytes{1}, 8, 100);
  (void)pool.add(Bytes{2}, 8, 4);
  const Bytes all = pool.take();
  EXPECT_EQ(all.size(), 100U);
  EXPECT_EQ(all[8], 2);
  EXPECT_EQ(all[99], 0);
  EXPECT_TRUE(pool.take().empty());
}

}  // namespace
}  // namespace perilune::ir
