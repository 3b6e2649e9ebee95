#include "bench/compiled_pattern.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "packet/record.h"

namespace perilune::bench {
namespace {

constexpr uint32_t kNetwork = 14;
constexpr uint32_t kTransport = kNetwork + 20;
constexpr uint32_t kPayload = kTransport + 8;
constexpr uint64_t kFuel = 1'000'000;

std::string quoted(const std::string& text) {
  std::string literal = "'";
  for (const char byte : text)
    literal += fmt::format("\\{:03}", static_cast<unsigned char>(byte));
  return literal + "'";
}

}  // namespace

Result<std::unique_ptr<CompiledPattern>> CompiledPattern::make(const std::string& pattern, PatternNeeds needs) {
  auto made = std::make_unique<CompiledPattern>();
  const std::string matched = fmt::format("tostring(pld):match({})", quoted(pattern));
  const std::string script =
      needs == PatternNeeds::kYesOrNo
          ? fmt::format("function filter(hdr, pld)\n  return {} ~= nil\nend\n", matched)
          : fmt::format(
                "function filter(hdr, pld)\n  local found = {}\n  if not found then return false end\n"
                "  return found:byte() ~= 0\nend\n",
                matched);
  auto compiled = compile_text(script, compiler::Target());
  if (!compiled) return tl::make_unexpected(compiled.error());
  made->compiled_ = std::move(*compiled);
  auto program = vm::Program::load(made->compiled_.code.image, {});
  if (!program) return tl::make_unexpected(program.error());
  made->program_ = std::move(*program);
  auto machine = made->program_->machine(made->environment_);
  if (!machine) return tl::make_unexpected(machine.error());
  made->machine_ = std::move(*machine);
  return made;
}

void CompiledPattern::set_subject(std::string_view subject) {
  auto& header = *reinterpret_cast<pl_packet*>(machine_->slot() + PL_RECORD);
  const auto end = static_cast<uint32_t>(kPayload + subject.size());
  header.network = kNetwork;
  header.transport = kTransport;
  header.payload = kPayload;
  header.end = header.captured = header.length = header.copied = end;
  header.flags = PL_HAS_TRANSPORT | PL_HAS_PORTS | PL_HAS_FRAME;
  header.version = 4;
  header.protocol = 17;
  header.ethertype = 0x0800;
  machine_->call().fuel_limit = kFuel;
  std::copy(subject.begin(), subject.end(), machine_->slot() + PL_FRAME + kPayload);
}

bool CompiledPattern::match() {
  machine_->call().fuel = kFuel;
  return (machine_->run(nullptr) & 0xff) == PL_PASS;
}

}  // namespace perilune::bench
