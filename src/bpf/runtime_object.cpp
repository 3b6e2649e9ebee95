#include "bpf/runtime_object.h"

#include <cstring>
#include <memory>
#include <optional>
#include <span>

#include <bpf/btf.h>
#include <elf.h>

#include "bpf/hook.h"

namespace perilune::bpf {
namespace {

constexpr unsigned kRelocation64 = 1;  // R_BPF_64_64: a load-immediate
constexpr uint8_t kCall = 0x85;
constexpr uint8_t kPseudoCall = 1;
constexpr const char* kEntrySection = "entry";
constexpr const char* kTextSection = ".text";

struct BtfDeleter {
  void operator()(btf* types) const { btf__free(types); }
};
using BtfPtr = std::unique_ptr<btf, BtfDeleter>;

/// What .BTF.ext says of one section's lines.
struct LineInfo {
  uint32_t insn_offset;  // bytes from the section's start
  uint32_t file_name;    // offsets into the BTF's strings
  uint32_t text;
  uint32_t position;
};

template <typename T>
T read_at(std::span<const uint8_t> bytes, size_t offset) {
  T value{};
  if (offset <= bytes.size() && sizeof(T) <= bytes.size() - offset)
    std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> file) : file_(file) {}

  Result<RuntimeObject> read(std::string context) {
    object_.context = std::move(context);
    if (!read_sections()) return broken("no sections");
    const int types = section_index(".BTF");
    if (types < 0) return broken("no type information");
    const auto type_bytes = content(static_cast<size_t>(types));
    types_.reset(btf__new(type_bytes.data(), static_cast<uint32_t>(type_bytes.size())));
    if (!types_) return broken("unreadable type information");
    for (const char* name : {kEntrySection, kTextSection}) {
      const int index = section_index(name);
      if (index >= 0) read_functions(static_cast<size_t>(index));
    }
    for (const char* name : {kEntrySection, kTextSection}) {
      const int index = section_index(name);
      if (index < 0) continue;
      read_references(static_cast<size_t>(index));
      read_lines(static_cast<size_t>(index));
    }
    for (const Place& place : places_) {
      if (section_name(place.section) == kEntrySection) object_.entry = object_.functions[place.function].name;
    }
    if (object_.entry.empty()) return broken("no entry");
    return std::move(object_);
  }

 private:
  struct Place {
    size_t section;
    size_t begin;  // bytes
    size_t end;
    size_t function;
  };

  static tl::unexpected<Error> broken(const char* what) {
    return system_error(fmt::format("the embedded kernel runtime is broken: {}", what), "build perilune again");
  }

  bool read_sections() {
    const auto header = read_at<Elf64_Ehdr>(file_, 0);
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return false;
    for (size_t i = 0; i < header.e_shnum; ++i)
      sections_.push_back(read_at<Elf64_Shdr>(file_, header.e_shoff + i * sizeof(Elf64_Shdr)));
    if (header.e_shstrndx >= sections_.size()) return false;
    section_names_ = content(header.e_shstrndx);
    for (size_t i = 0; i < sections_.size(); ++i) {
      if (sections_[i].sh_type != SHT_SYMTAB) continue;
      const auto table = content(i);
      for (size_t at = 0; at + sizeof(Elf64_Sym) <= table.size(); at += sizeof(Elf64_Sym))
        symbols_.push_back(read_at<Elf64_Sym>(table, at));
      symbol_names_ = content(sections_[i].sh_link);
    }
    return true;
  }

  [[nodiscard]] std::span<const uint8_t> content(size_t section) const {
    const Elf64_Shdr& header = sections_[section];
    if (header.sh_offset > file_.size() || header.sh_size > file_.size() - header.sh_offset) return {};
    return file_.subspan(header.sh_offset, header.sh_size);
  }

  static std::string text_at(std::span<const uint8_t> strings, size_t offset) {
    if (offset >= strings.size()) return {};
    const auto* begin = reinterpret_cast<const char*>(strings.data()) + offset;
    return {begin, strnlen(begin, strings.size() - offset)};
  }

  [[nodiscard]] std::string section_name(size_t index) const {
    return text_at(section_names_, sections_[index].sh_name);
  }

  [[nodiscard]] int section_index(const std::string& name) const {
    for (size_t i = 0; i < sections_.size(); ++i)
      if (section_name(i) == name) return static_cast<int>(i);
    return -1;
  }

  void read_functions(size_t section) {
    const auto bytes = content(section);
    for (const Elf64_Sym& symbol : symbols_) {
      if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx != section) continue;
      RuntimeFunction function;
      function.name = text_at(symbol_names_, symbol.st_name);
      function.global = ELF64_ST_BIND(symbol.st_info) != STB_LOCAL;
      function.insns.resize(symbol.st_size / sizeof(ir::Insn));
      for (size_t i = 0; i < function.insns.size(); ++i)
        function.insns[i] = read_at<ir::Insn>(bytes, symbol.st_value + i * sizeof(ir::Insn));
      read_parameters(function);
      places_.push_back({section, symbol.st_value, symbol.st_value + symbol.st_size, object_.functions.size()});
      object_.functions.push_back(std::move(function));
    }
  }

  [[nodiscard]] const btf_type* without_modifiers(uint32_t id) const {
    const btf_type* type = btf__type_by_id(types_.get(), id);
    while (type != nullptr && (btf_is_mod(type) || btf_is_typedef(type)))
      type = btf__type_by_id(types_.get(), type->type);
    return type;
  }

  void read_parameters(RuntimeFunction& function) const {
    const int id = btf__find_by_name_kind(types_.get(), function.name.c_str(), BTF_KIND_FUNC);
    if (id < 0) return;
    const btf_type* prototype =
        btf__type_by_id(types_.get(), btf__type_by_id(types_.get(), static_cast<uint32_t>(id))->type);
    for (unsigned i = 0; i < btf_vlen(prototype); ++i) {
      const btf_type* type = without_modifiers(btf_params(prototype)[i].type);
      auto parameter = RuntimeFunction::Parameter::kNumber;
      if (type != nullptr && btf_is_ptr(type)) {
        const btf_type* target = without_modifiers(type->type);
        const bool context = target != nullptr && btf_is_struct(target) &&
                             object_.context == btf__name_by_offset(types_.get(), target->name_off);
        parameter = context ? RuntimeFunction::Parameter::kContext : RuntimeFunction::Parameter::kPointer;
      }
      function.parameters.push_back(parameter);
    }
  }

  [[nodiscard]] const Place* place_of(size_t section, size_t byte) const {
    for (const Place& place : places_)
      if (place.section == section && byte >= place.begin && byte < place.end) return &place;
    return nullptr;
  }

  /// The name of what stands at a byte of a section of code, which must be a function's first.
  [[nodiscard]] std::string function_at(size_t section, size_t byte) const {
    const Place* place = place_of(section, byte);
    return place == nullptr ? "?" : object_.functions[place->function].name;
  }

  void read_references(size_t section) {
    for (const Elf64_Shdr& table : sections_) {
      if (table.sh_type != SHT_REL || table.sh_info != section) continue;
      const auto bytes = content(static_cast<size_t>(&table - sections_.data()));
      for (size_t at = 0; at + sizeof(Elf64_Rel) <= bytes.size(); at += sizeof(Elf64_Rel)) {
        const auto relocation = read_at<Elf64_Rel>(bytes, at);
        const Place* place = place_of(section, relocation.r_offset);
        if (place == nullptr) continue;
        RuntimeFunction& function = object_.functions[place->function];
        const auto insn = static_cast<uint32_t>((relocation.r_offset - place->begin) / sizeof(ir::Insn));
        const Elf64_Sym& symbol = symbols_[ELF64_R_SYM(relocation.r_info)];
        const bool call = ELF64_R_TYPE(relocation.r_info) != kRelocation64;
        // Against a section: the instruction itself says where in it (a call in instructions, less one).
        const int64_t addend = function.insns[insn].imm;
        const int64_t byte = static_cast<int64_t>(symbol.st_value) +
                             (call ? (addend + 1) * static_cast<int64_t>(sizeof(ir::Insn)) : addend);
        std::string name = symbol.st_shndx == SHN_UNDEF ? text_at(symbol_names_, symbol.st_name)
                                                        : function_at(symbol.st_shndx, static_cast<size_t>(byte));
        function.references.push_back({insn, call, std::move(name)});
      }
    }
    // Calls within a section need no relocation; ours are joined function by function all the same.
    for (const Place& place : places_) {
      if (place.section != section) continue;
      RuntimeFunction& function = object_.functions[place.function];
      for (uint32_t i = 0; i < function.insns.size(); ++i) {
        const ir::Insn& insn = function.insns[i];
        if (insn.code != kCall || insn.src != kPseudoCall || has_reference(function, i)) continue;
        const int64_t target =
            static_cast<int64_t>(place.begin) + (i + int64_t{insn.imm} + 1) * static_cast<int64_t>(sizeof insn);
        function.references.push_back({i, true, function_at(section, static_cast<size_t>(target))});
      }
    }
  }

  static bool has_reference(const RuntimeFunction& function, uint32_t insn) {
    for (const auto& reference : function.references)
      if (reference.insn == insn) return true;
    return false;
  }

  void read_lines(size_t section) {
    const int index = section_index(".BTF.ext");
    if (index < 0) return;
    const auto bytes = content(static_cast<size_t>(index));
    // struct btf_ext_header: magic, version, flags, header length; offset and length of functions, then of lines.
    const auto header_length = read_at<uint32_t>(bytes, 4);
    const auto offset = read_at<uint32_t>(bytes, 16);
    const auto length = read_at<uint32_t>(bytes, 20);
    if (header_length > bytes.size() || offset > bytes.size() - header_length) return;
    const auto lines = bytes.subspan(header_length + offset);
    const auto record_size = read_at<uint32_t>(lines, 0);
    size_t at = 4;
    while (at + 8 <= length && at + 8 <= lines.size()) {
      const char* name = btf__name_by_offset(types_.get(), read_at<uint32_t>(lines, at));
      const auto count = read_at<uint32_t>(lines, at + 4);
      at += 8;
      for (uint32_t i = 0; i < count; ++i, at += record_size) {
        if (name == nullptr || section_name(section) != name) continue;
        const auto line = read_at<LineInfo>(lines, at);
        const Place* place = place_of(section, line.insn_offset);
        if (place == nullptr) continue;
        const char* file = btf__name_by_offset(types_.get(), line.file_name);
        const char* text = btf__name_by_offset(types_.get(), line.text);
        object_.functions[place->function].lines.push_back(
            {static_cast<uint32_t>((line.insn_offset - place->begin) / sizeof(ir::Insn)), file == nullptr ? "" : file,
             text == nullptr ? "" : text, line.position});
      }
    }
  }

  std::span<const uint8_t> file_;
  std::vector<Elf64_Shdr> sections_;
  std::vector<Elf64_Sym> symbols_;
  std::span<const uint8_t> section_names_;
  std::span<const uint8_t> symbol_names_;
  BtfPtr types_;
  std::vector<Place> places_;
  RuntimeObject object_;
};

}  // namespace

const RuntimeFunction* RuntimeObject::find(const std::string& name) const {
  for (const RuntimeFunction& function : functions)
    if (function.name == name) return &function;
  return nullptr;
}

Result<RuntimeObject> runtime_object(const Hook& hook) {
  return Reader(hook.program().runtime).read(std::string(hook.program().context));
}

}  // namespace perilune::bpf
