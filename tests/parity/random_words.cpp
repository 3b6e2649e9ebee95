#include "random_words.h"

#include <array>

namespace perilune::parity {

std::span<const std::string> payload_words() {
  static const std::array<std::string, 20> kWords{"GET ", "POST",     "HTTP/1.", "Host: ", "\r\n",    "example", ".com",
                                                  "SSH-", "OpenSSH_", "a",       "ab",     "0",       "42",      " ",
                                                  "-",    "%",        "]",       "^",      {"\0", 1}, "\xff\x80"};
  return kWords;
}

}  // namespace perilune::parity
