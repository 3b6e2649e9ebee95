#include "bpf/kernel_types.h"

#include <bpf/btf.h>

#include "base/files.h"

namespace perilune::bpf {
namespace {

constexpr const char* kKernelTypes = KernelTypes::kPath;

std::optional<uint32_t> find_member(const btf* types, const btf_type* structure, const std::string& wanted,
                                    unsigned depth) {
  constexpr unsigned kDeepest = 8;
  if (depth > kDeepest) return std::nullopt;
  for (unsigned i = 0; i < btf_vlen(structure); ++i) {
    const btf_member& member = btf_members(structure)[i];
    const uint32_t byte = btf_member_bit_offset(structure, i) / 8;
    const char* name = btf__name_by_offset(types, member.name_off);
    if (name != nullptr && wanted == name) return byte;
    if (name != nullptr && *name != '\0') continue;
    const btf_type* inner = btf__type_by_id(types, member.type);
    while (inner != nullptr && btf_is_mod(inner))
      inner = btf__type_by_id(types, inner->type);
    if (inner == nullptr || !btf_is_composite(inner)) continue;
    if (const auto found = find_member(types, inner, wanted, depth + 1)) return byte + *found;
  }
  return std::nullopt;
}

}  // namespace

void KernelTypes::Deleter::operator()(btf* types) const {
  btf__free(types);
}

Result<KernelTypes> KernelTypes::read() {
  // Read by ourselves: the library takes any failure for a kernel without type information.
  const Result<std::optional<std::string>> bytes = read_file(kKernelTypes);
  if (!bytes) return tl::make_unexpected(bytes.error());
  if (!*bytes) {
    return errno_error("read the kernel's type information", ENOENT,
                       fmt::format("this hook needs a kernel built with CONFIG_DEBUG_INFO_BTF ({})", kKernelTypes));
  }
  KernelTypes types;
  types.types_.reset(btf__new((*bytes)->data(), static_cast<uint32_t>((*bytes)->size())));
  if (!types.types_) return errno_error("understand the kernel's type information", errno);
  return types;
}

std::optional<uint32_t> KernelTypes::function(const std::string& name) const {
  const int id = btf__find_by_name_kind(types_.get(), name.c_str(), BTF_KIND_FUNC);
  if (id < 0) return std::nullopt;
  return static_cast<uint32_t>(id);
}

std::optional<uint32_t> KernelTypes::structure(const std::string& name) const {
  const int id = btf__find_by_name_kind(types_.get(), name.c_str(), BTF_KIND_STRUCT);
  if (id < 0) return std::nullopt;
  return static_cast<uint32_t>(id);
}

std::optional<uint32_t> KernelTypes::offset(const std::string& name, const std::string& member) const {
  const auto id = structure(name);
  if (!id) return std::nullopt;
  return find_member(types_.get(), btf__type_by_id(types_.get(), *id), member, 0);
}

}  // namespace perilune::bpf
