#include "luadata/dns_name.h"

namespace perilune::luadata {
namespace {

constexpr size_t kLabelSize = 63;

}  // namespace

DnsName dns_name_from_text(const char* text, size_t length, uint8_t (&wire)[kDnsNameSize]) {
  if (length == 0 || (length == 1 && text[0] == '.')) {
    wire[0] = 0;
    return {1, DnsNameProblem::kNone};
  }
  if (text[length - 1] == '.') --length;
  if (length + 2 > kDnsNameSize) return {0, DnsNameProblem::kLongName};
  size_t label = 0;  // where the length of the one at hand stands
  for (size_t at = 0; at <= length; ++at) {
    if (at < length && text[at] != '.') {
      const auto c = static_cast<uint8_t>(text[at]);
      wire[at + 1] = c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
      continue;
    }
    const size_t size = at - label;
    if (size == 0) return {0, DnsNameProblem::kEmptyLabel};
    if (size > kLabelSize) return {0, DnsNameProblem::kLongLabel};
    wire[label] = static_cast<uint8_t>(size);
    label = at + 1;
  }
  wire[length + 1] = 0;
  return {length + 2, DnsNameProblem::kNone};
}

const char* describe(DnsNameProblem problem) {
  switch (problem) {
    case DnsNameProblem::kNone:
      return "is a domain name";
    case DnsNameProblem::kEmptyLabel:
      return "has an empty label";
    case DnsNameProblem::kLongLabel:
      return "has a label of more than 63 bytes";
    case DnsNameProblem::kLongName:
      return "is longer than a domain name can be (253 bytes)";
  }
  return "";
}

}  // namespace perilune::luadata
