// The verifier's last words, among what it printed before and after them.
#include "bpf/verifier_log.h"

#include <gtest/gtest.h>

namespace perilune::bpf {
namespace {

TEST(VerifierLog, TheLastLineThatIsNoTraceIsTheComplaint) {
  const VerifierComplaint complaint = read_verifier_log(
      "; if p[2] > 3 then @ a.lua:12\n"
      "12: (71) r1 = *(u8 *)(r1 +29)       ; R1=scalar()\n"
      "R1 invalid mem access 'scalar'\n"
      "processed 13 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0\n",
      {"a.lua"});
  EXPECT_EQ(complaint.message, "R1 invalid mem access 'scalar'");
  EXPECT_EQ(complaint.file, "a.lua");
  EXPECT_EQ(complaint.line, 12U);
  EXPECT_EQ(complaint.source, "if p[2] > 3 then");
  EXPECT_FALSE(complaint.too_large);
}

// It gives up in the middle of printing an instruction, so the words stand behind that.
TEST(VerifierLog, GivingUpIsFoundBehindAnInstruction) {
  for (const std::string_view before : {"", "9725: (55) if r1 != 0x49 goto pc+5 "}) {
    for (const std::string_view words :
         {"BPF program is too large. Processed 1000001 insn", "The sequence of 8193 jumps is too complex."}) {
      const VerifierComplaint complaint = read_verifier_log(
          fmt::format("9724: (71) r1 = *(u8 *)(r1 +29)       ; R1=scalar()\n{}{}\n"
                      "processed 1000001 insns (limit 1000000) max_states_per_insn 8 total_states 67987\n",
                      before, words),
          {});
      EXPECT_TRUE(complaint.too_large);
      EXPECT_EQ(complaint.message, words);
    }
  }
}

}  // namespace
}  // namespace perilune::bpf
