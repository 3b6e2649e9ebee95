#include "cli/terminal.h"

#include <gtest/gtest.h>

namespace perilune::cli {
namespace {

TEST(Printable, TextStaysAsItIs) {
  EXPECT_EQ(printable("plain text, größer, 日本, \\n"), "plain text, größer, 日本, \\n");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, ControlCharactersBecomeEscapes) {
  EXPECT_EQ(printable("a\nb\rc\td"), "a\\nb\\rc\\td");
  EXPECT_EQ(printable(std::string_view("\x1b[31m\0\x7f", 7)), "\\x1b[31m\\x00\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u{9b}31m");  // the one-character CSI
}

TEST(Printable, DirectionalCharactersBecomeEscapes) {
  EXPECT_EQ(printable("\u202e"
                      "evil\u2066\u200f\u2028\ufeff"),
            "\\u{202e}evil\\u{2066}\\u{200f}\\u{2028}\\u{feff}");
}

TEST(Printable, WhatIsNotUtf8IsShownByteByByte) {
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("\xc3"), "\\xc3");                             // cut short
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong '/'
  EXPECT_EQ(printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");           // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond Unicode
  EXPECT_EQ(printable("\xf0\x9f\x8c\x98"), "\U0001f318");
  EXPECT_EQ(printable("\xc3(\xa9"), "\\xc3(\\xa9");
}

/// Whatever comes in, what goes out is one line of printable characters; and doing it twice changes nothing.
TEST(Printable, EveryPairOfBytesIsMadeHarmless) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      const std::string out = printable(text);
      for (const char c : out) {
        ASSERT_FALSE(static_cast<uint8_t>(c) < 0x20 || c == 0x7f) << first << " " << second;
      }
      ASSERT_EQ(printable(out), out) << first << " " << second;
    }
  }
}

TEST(Palette, IsOffWhereThereIsNoTerminal) {
  const Palette palette(-1);
  EXPECT_EQ(palette.paint(Colour::kRed, "x"), "x");
}

}  // namespace
}  // namespace perilune::cli
