#include <cerrno>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/diagnostic.h"
#include "base/file_descriptor.h"
#include "base/result.h"

namespace perilune {
namespace {

TEST(Result, ErrnoErrorsSayWhatWasTriedAndTheErrnoByName) {
  const auto failed = errno_error("bind queue 3", EPERM, "run as root");
  EXPECT_EQ(failed.value().message, "cannot bind queue 3: Operation not permitted (EPERM)");
  EXPECT_EQ(failed.value().hint, "run as root");
  EXPECT_EQ(failed.value().exit_status(), 2);
  EXPECT_EQ(input_error("no such file").value().exit_status(), 1);
}

TEST(Diagnostic, TextNamesPlaceSeverityAndCode) {
  const Diagnostic diagnostic{Severity::kWarning,      "unknown-global",        "ssh.lua", 7,
                              "'fliter' is never set", "did you mean 'filter'?"};
  EXPECT_EQ(to_text(diagnostic),
            "ssh.lua:7: warning: 'fliter' is never set [unknown-global]\n  hint: did you mean 'filter'?");
  EXPECT_EQ(to_text({Severity::kError, "cannot-read", "a.lua", 0, "no such file", ""}),
            "a.lua: error: no such file [cannot-read]");
}

TEST(Bytes, OrderIsWhatTheNameSays) {
  const uint8_t bytes[] = {0x12, 0x34, 0x56, 0x78};
  EXPECT_EQ(read_be16(bytes), 0x1234);
  EXPECT_EQ(read_le16(bytes), 0x3412);
  EXPECT_EQ(read_be32(bytes), 0x12345678U);
  EXPECT_EQ(read_le32(bytes), 0x78563412U);
  uint8_t written[4] = {};
  write_be32(written, 0xfedcba98U);
  EXPECT_EQ(read_be32(written), 0xfedcba98U);
  write_be16(written + 1, 0x0102);
  EXPECT_EQ(read_be32(written), 0xfe010298U);
}

TEST(FileDescriptor, ClosesOnceAndMoves) {
  FileDescriptor first(open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(first);
  const int number = first.get();
  FileDescriptor second(std::move(first));
  EXPECT_EQ(second.get(), number);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): the state after a move is what is tested
  second.reset();
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
  EXPECT_EQ(errno, EBADF);
}

}  // namespace
}  // namespace perilune
