#include "luadata/address_text.h"

#include <cstring>

#include <arpa/inet.h>

namespace perilune::luadata {
namespace {

constexpr size_t kMacSize = 6;
constexpr size_t kMacTextLength = kMacSize * 3 - 1;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// inet_pton() wants a final zero; a Lua string may hold zeros of its own, which are never part of an address.
bool from_text(int family, const char* text, size_t length, uint8_t* bytes) {
  char copy[kAddressTextSize];
  if (length >= sizeof copy || std::memchr(text, 0, length) != nullptr) return false;
  std::memcpy(copy, text, length);
  copy[length] = '\0';
  return inet_pton(family, copy, bytes) == 1;
}

}  // namespace

void ipv4_to_text(const uint8_t* bytes, char (&text)[kAddressTextSize]) {
  inet_ntop(AF_INET, bytes, text, sizeof text);
}

void ipv6_to_text(const uint8_t* bytes, char (&text)[kAddressTextSize]) {
  inet_ntop(AF_INET6, bytes, text, sizeof text);
}

void mac_to_text(const uint8_t* bytes, char (&text)[kAddressTextSize]) {
  constexpr char kDigits[] = "0123456789abcdef";
  char* out = text;
  for (size_t i = 0; i < kMacSize; ++i) {
    if (i != 0) *out++ = ':';
    *out++ = kDigits[bytes[i] >> 4];
    *out++ = kDigits[bytes[i] & 15];
  }
  *out = '\0';
}

bool ipv4_from_text(const char* text, size_t length, uint8_t* bytes) {
  return from_text(AF_INET, text, length, bytes);
}

bool ipv6_from_text(const char* text, size_t length, uint8_t* bytes) {
  return from_text(AF_INET6, text, length, bytes);
}

bool mac_from_text(const char* text, size_t length, uint8_t* bytes) {
  if (length != kMacTextLength) return false;
  uint8_t parsed[kMacSize];
  for (size_t i = 0; i < kMacSize; ++i) {
    const int high = hex_digit(text[i * 3]);
    const int low = hex_digit(text[i * 3 + 1]);
    if (high < 0 || low < 0) return false;
    if (i + 1 < kMacSize && text[i * 3 + 2] != ':' && text[i * 3 + 2] != '-') return false;
    parsed[i] = static_cast<uint8_t>(high * 16 + low);
  }
  std::memcpy(bytes, parsed, sizeof parsed);
  return true;
}

}  // namespace perilune::luadata
