#include "random_words.h"

#include <array>

namespace perilune::parity {

std::span<const std::string> payload_words() {
  static const std::array<std::string, 20> kWords{"GET ", "POST",     "HTTP/1.", "Host: ", "\r\n",    "example", ".com",
                                                  "SSH-", "OpenSSH_", "a",       "ab",     "0",       "42",      " ",
                                                  "-",    "%",        "]",       "^",      {"\0", 1}, "\xff\x80"};
  return kWords;
}

std::span<const std::string> awkward_words() {
  static const std::array<std::string, 28> kWords{
      "+", "-",  " ",  "\t", "0x", "0X", "0",  "1",  "9",  "a",   "F",       "z",    "Z",    "_",
      ".", "e1", "\n", "\v", "\f", "\r", "08", "-0", "+7", " 5 ", {"\0", 1}, "\xff", "\x80", "9223372036854775808"};
  return kWords;
}

}  // namespace perilune::parity
