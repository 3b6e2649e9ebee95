#include "bench/reference.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

namespace perilune::bench {

void Reference::Close::operator()(bpf_object* object) const {
  bpf_object__close(object);
}

Result<Reference> Reference::load(const std::string& name, const bpf::Hook* hook, uint64_t rate) {
  const std::string path = fmt::format("{}/{}.{}.o", PERILUNE_REFERENCE_DIR, name, hook->name());
  libbpf_set_print(nullptr);
  Reference reference;
  reference.object_.reset(bpf_object__open_file(path.c_str(), nullptr));
  if (reference.object_ == nullptr) return errno_error(fmt::format("open {}", path), errno);
  if (rate != 0) {
    bpf_map* constants = bpf_object__find_map_by_name(reference.object_.get(), ".rodata");
    size_t size = 0;
    auto* values = constants == nullptr
                       ? nullptr
                       : static_cast<uint64_t*>(const_cast<void*>(bpf_map__initial_value(constants, &size)));
    if (values == nullptr || size < sizeof(uint64_t)) return system_error(fmt::format("{} has no rate", path));
    values[0] = rate;
  }
  if (const int error = bpf_object__load(reference.object_.get()); error != 0) {
    return errno_error(fmt::format("load {}", path), -error);
  }
  const bpf_program* program = bpf_object__find_program_by_name(reference.object_.get(), "filter");
  if (program == nullptr) return system_error(fmt::format("{} has no program 'filter'", path));
  reference.fd_ = bpf_program__fd(program);
  bpf_prog_info info{};
  uint32_t length = sizeof(info);
  if (bpf_obj_get_info_by_fd(reference.fd_, &info, &length) != 0) return errno_error("ask about a program", errno);
  reference.verified_insns_ = info.verified_insns;
  reference.xlated_bytes_ = info.xlated_prog_len;
  reference.jited_bytes_ = info.jited_prog_len;
  return reference;
}

}  // namespace perilune::bench
