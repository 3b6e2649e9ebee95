#include "bpf/link.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <memory>
#include <optional>
#include <set>

#include <bpf/btf.h>

#include "bpf/inline_call.h"
#include "bpf/insn.h"
#include "bpf/specialize.h"

namespace perilune::bpf {
namespace {

constexpr const char* kFilter = "filter";
constexpr const char* kPull = "pull";
constexpr const char* kReplace = "replace_payload";
constexpr const char* kPullNear = "pull_near";  // what may stand in the place of the filter's calls of it
constexpr const char* kCopy = "#copy";          // a call of one or the other
constexpr int kMostNear = 3;
constexpr std::array<const char*, 3> kMapNames{"pl_memory", "pl_events", "pl_chain"};
constexpr unsigned kLineShift = 10;

bool is_map_name(const std::string& name) {
  return std::ranges::find(kMapNames, name) != kMapNames.end();
}

/// A program's BTF, made type by type.
class Types {
 public:
  explicit Types(const std::string& context) : btf_(btf__new_empty()) {
    if (!btf_) return;
    number_ = btf__add_int(btf_.get(), "unsigned long long", 8, 0);
    result_ = btf__add_int(btf_.get(), "int", 4, BTF_INT_SIGNED);
    context_ = btf__add_ptr(btf_.get(), btf__add_struct(btf_.get(), context.c_str(), 0));
    pointer_ = btf__add_ptr(btf_.get(), 0);
  }

  [[nodiscard]] bool ok() const { return btf_ != nullptr && ok_; }

  /// The id of a new function.
  uint32_t function(const std::string& name, bool global, const std::vector<RuntimeFunction::Parameter>& parameters,
                    bool entry) {
    const int prototype = btf__add_func_proto(btf_.get(), entry ? result_ : number_);
    unsigned index = 0;
    for (const auto parameter : parameters) {
      int type = number_;
      if (parameter == RuntimeFunction::Parameter::kContext) type = context_;
      if (parameter == RuntimeFunction::Parameter::kPointer) type = pointer_;
      const std::string parameter_name = fmt::format("a{}", index++);
      check(btf__add_func_param(btf_.get(), parameter_name.c_str(), type));
    }
    return static_cast<uint32_t>(
        check(btf__add_func(btf_.get(), name.c_str(), global ? BTF_FUNC_GLOBAL : BTF_FUNC_STATIC, prototype)));
  }

  uint32_t text(const std::string& text) {
    return static_cast<uint32_t>(check(btf__add_str(btf_.get(), text.c_str())));
  }

  [[nodiscard]] std::vector<uint8_t> bytes() const {
    uint32_t size = 0;
    const auto* data = static_cast<const uint8_t*>(btf__raw_data(btf_.get(), &size));
    return {data, data + size};
  }

 private:
  struct Deleter {
    void operator()(btf* types) const { btf__free(types); }
  };
  int check(int result) {
    if (result < 0) ok_ = false;
    return result;
  }

  std::unique_ptr<btf, Deleter> btf_;
  bool ok_ = true;
  int number_ = 0;
  int result_ = 0;
  int context_ = 0;
  int pointer_ = 0;
};

class Linker {
 public:
  explicit Linker(const LinkInput& input) : input_(&input), types_(input.runtime->context) {}

  Result<LinkedProgram> run() {
    if (!types_.ok()) return system_error("cannot make type information: not enough memory");
    RuntimeFunction& entry = add_function(input_->runtime->entry);
    join_filter(entry);
    add_called_functions();
    for (size_t i = 0; i < functions_.size(); ++i) {  // grows on the way
      for (const auto& reference : functions_[i].references)
        if (input_->runtime->find(reference.symbol) != nullptr && !begins_.contains(reference.symbol))
          add_function(reference.symbol);
    }
    for (const RuntimeFunction& function : functions_)
      emit(function);
    for (const RuntimeFunction& function : functions_) {
      for (const auto& reference : function.references) {
        if (auto done = resolve(begins_.at(function.name) + reference.insn, reference); !done)
          return tl::make_unexpected(std::move(done.error()));
      }
    }
    if (!types_.ok()) return system_error("cannot make type information");
    program_.types = types_.bytes();
    return std::move(program_);
  }

 private:
  RuntimeFunction& add_function(const std::string& name) {
    begins_[name] = 0;
    return functions_.emplace_back(specialize(*input_->runtime->find(name), *input_->runtime, input_->constants));
  }

  // Puts the filter into the entry, where that can be; else, and for other functions that call it, it is a function.
  void join_filter(RuntimeFunction& entry) {
    RuntimeFunction filter = filter_function();
    place_copies(filter);
    const auto calls = [](const RuntimeFunction::Reference& one) { return one.call && one.symbol == kFilter; };
    const auto call = std::ranges::find_if(entry.references, calls);
    if (call == entry.references.end()) return;  // the entry never asks it
    if (input_->inlines && std::ranges::count_if(entry.references, calls) == 1) {
      if (auto inlined = inline_call(entry, call->insn, filter)) {
        entry = std::move(*inlined);
        program_.inlined = true;
        if (!is_called_elsewhere()) return;
      }
    }
    begins_[kFilter] = 0;
    functions_.push_back(std::move(filter));
  }

  // The function that a relocation of the compiled code calls; empty: it is no call.
  static std::string called_by(const ir::Relocation& relocation) {
    switch (relocation.kind) {
      case ir::Relocation::Kind::kPull:
        return kCopy;
      case ir::Relocation::Kind::kReplace:
        return kReplace;
      case ir::Relocation::Kind::kLookup:
        return fmt::format("map_lookup_{}", relocation.index);
      case ir::Relocation::Kind::kDivide:
        return "divide";
      case ir::Relocation::Kind::kModulo:
        return "modulo";
      default:
        return {};
    }
  }

  // What is left of such a function when it is not of the runtime. To the verifier it is part of its caller: a pointer
  // may be given back.
  static std::vector<ir::Insn> body_of(ir::Relocation::Kind kind) {
    constexpr ir::Insn kExit{BPF_JMP | BPF_EXIT, 0, 0, 0, 0};
    constexpr ir::Insn kToResult{BPF_ALU64 | BPF_MOV | BPF_X, 0, 1, 0, 0};
    switch (kind) {
      case ir::Relocation::Kind::kLookup:
        return {{BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem}, kExit};
      case ir::Relocation::Kind::kDivide:
        return {kToResult, {BPF_ALU64 | BPF_DIV | BPF_X, 0, 2, 0, 0}, kExit};
      case ir::Relocation::Kind::kModulo:
        return {kToResult, {BPF_ALU64 | BPF_MOD | BPF_X, 0, 2, 0, 0}, kExit};
      default:
        return {};
    }
  }

  void add_called_functions() {
    using Parameter = RuntimeFunction::Parameter;
    for (const ir::Relocation& relocation : input_->code->relocations) {
      RuntimeFunction function;
      function.insns = body_of(relocation.kind);
      if (function.insns.empty()) continue;
      function.name = called_by(relocation);
      if (!begins_.emplace(function.name, 0).second) continue;
      const bool numbers = relocation.kind != ir::Relocation::Kind::kLookup;
      function.parameters.assign(2, numbers ? Parameter::kNumber : Parameter::kPointer);
      functions_.push_back(std::move(function));
    }
  }

  [[nodiscard]] bool is_called_elsewhere() const {
    return std::ranges::any_of(input_->runtime->functions, [&](const RuntimeFunction& function) {
      return function.name != input_->runtime->entry &&
             std::ranges::find(function.references, kFilter, &RuntimeFunction::Reference::symbol) !=
                 function.references.end();
    });
  }

  // The compiled code, its relocations as references "#N".
  [[nodiscard]] RuntimeFunction filter_function() const {
    using Parameter = RuntimeFunction::Parameter;
    const ir::Code& code = *input_->code;
    RuntimeFunction filter;
    filter.name = kFilter;
    filter.global = true;
    filter.parameters = {Parameter::kContext, Parameter::kNumber};
    filter.insns = code.insns;
    for (size_t i = 0; i < code.relocations.size(); ++i) {
      const ir::Relocation& relocation = code.relocations[i];
      const std::string function = called_by(relocation);
      const bool calls = !function.empty();
      filter.references.push_back({relocation.insn, calls, calls ? function : fmt::format("#{}", i)});
    }
    if (code.lines.empty() || code.lines.front().insn != 0) filter.lines.push_back({0, kFilter, "", 0});
    for (const ir::LineRecord& line : code.lines)
      filter.lines.push_back({line.insn, file_name(line.file), source_text(line), line.line << kLineShift});
    return filter;
  }

  // The first copies of a packet, which nearly all that are looked at need, are made in place; the rest by calls. In
  // loops they would be verified again and again.
  void place_copies(RuntimeFunction& filter) const {
    const RuntimeFunction* near = input_->inlines ? input_->runtime->find(kPullNear) : nullptr;
    if (near != nullptr) {
      const RuntimeFunction body = specialize(*near, *input_->runtime, input_->constants);
      for (int count = 0; count < kMostNear; ++count) {
        const auto site = std::ranges::find(filter.references, kCopy, &RuntimeFunction::Reference::symbol);
        const auto loop = std::ranges::find_if(filter.insns, is_may_goto) - filter.insns.begin();
        if (site == filter.references.end() || site->insn >= loop) break;
        auto inlined = inline_call(filter, site->insn, body);
        if (!inlined) break;
        filter = std::move(*inlined);
      }
    }
    for (auto& reference : filter.references)
      if (reference.symbol == kCopy) reference.symbol = kPull;
  }

  [[nodiscard]] uint32_t position() const { return static_cast<uint32_t>(program_.insns.size()); }

  void emit(const RuntimeFunction& function) {
    const uint32_t begin = position();
    begins_[function.name] = begin;
    const bool entry = function.name == input_->runtime->entry;
    program_.functions.push_back({begin, types_.function(function.name, function.global, function.parameters, entry)});
    if (function.lines.empty() || function.lines.front().insn != 0)
      program_.lines.push_back({begin, types_.text("runtime"), types_.text(function.name), 0});
    for (const RuntimeFunction::Line& line : function.lines)
      program_.lines.push_back({begin + line.insn, types_.text(line.file), types_.text(line.text), line.position});
    program_.insns.insert(program_.insns.end(), function.insns.begin(), function.insns.end());
  }

  [[nodiscard]] std::string file_name(uint32_t file) const {
    const auto& files = input_->image->files;
    return file < files.size() ? files[file] : "script";
  }

  [[nodiscard]] std::string source_text(const ir::LineRecord& line) const {
    const auto& lines = input_->image->source_lines_of_first_file;
    if (line.file != 0 || line.line == 0 || line.line > lines.size()) return {};
    std::string text = lines[line.line - 1];
    std::erase(text, '\0');
    return text;
  }

  void set_map(uint32_t insn, int fd, uint8_t kind, uint32_t offset) {
    program_.insns[insn].src = kind & 0xfU;
    program_.insns[insn].imm = fd;
    program_.insns[insn + 1].imm = static_cast<int32_t>(offset);
  }

  void set_call(uint32_t insn, const std::string& function) {
    program_.insns[insn].src = BPF_PSEUDO_CALL;
    program_.insns[insn].imm = static_cast<int32_t>(begins_.at(function)) - static_cast<int32_t>(insn) - 1;
  }

  Result<void> resolve(uint32_t insn, const RuntimeFunction::Reference& reference) {
    const std::string& name = reference.symbol;
    if (name.starts_with('#')) {
      size_t index = 0;
      std::from_chars(name.data() + 1, name.data() + name.size(), index);
      return resolve_relocation(insn, input_->code->relocations[index]);
    }
    if (reference.call) {
      if (begins_.contains(name)) {
        set_call(insn, name);
        return {};
      }
      const auto found = input_->kernel_functions.find(name);
      if (found == input_->kernel_functions.end()) return undefined(name);
      program_.insns[insn].src = BPF_PSEUDO_KFUNC_CALL;
      program_.insns[insn].off = 0;
      program_.insns[insn].imm = static_cast<int32_t>(found->second);
      return {};
    }
    if (begins_.contains(name)) {  // a callback
      program_.insns[insn].src = BPF_PSEUDO_FUNC;
      program_.insns[insn].imm = static_cast<int32_t>(begins_.at(name)) - static_cast<int32_t>(insn) - 1;
      program_.insns[insn + 1].imm = 0;
      return {};
    }
    if (name == "pl_memory") {
      set_map(insn, input_->memory_fd, BPF_PSEUDO_MAP_VALUE, 0);
    } else if (name == "pl_events") {
      set_map(insn, input_->events_fd, BPF_PSEUDO_MAP_FD, 0);
    } else if (name == "pl_chain") {
      if (input_->chain_fd >= 0) {
        set_map(insn, input_->chain_fd, BPF_PSEUDO_MAP_FD, 0);
      } else {
        return system_error("the kernel runtime goes on to a chain of filters where there is none");
      }
    } else {
      return undefined(name);
    }
    return {};
  }

  static tl::unexpected<Error> undefined(const std::string& name) {
    return system_error(fmt::format("the kernel runtime refers to '{}', which this kernel does not have", name));
  }

  Result<void> resolve_relocation(uint32_t insn, const ir::Relocation& relocation) {
    switch (relocation.kind) {
      case ir::Relocation::Kind::kMemory:
        set_map(insn, input_->memory_fd, BPF_PSEUDO_MAP_VALUE, relocation.index);
        break;
      case ir::Relocation::Kind::kTables:
        set_map(insn, input_->tables_fd, BPF_PSEUDO_MAP_VALUE, relocation.index);
        break;
      case ir::Relocation::Kind::kMap:
        if (relocation.index >= input_->map_fds.size())
          return system_error("the compiled filter refers to a map that it does not declare");
        set_map(insn, input_->map_fds[relocation.index], BPF_PSEUDO_MAP_FD, 0);
        break;
      case ir::Relocation::Kind::kEvents:
        set_map(insn, input_->events_fd, BPF_PSEUDO_MAP_FD, 0);
        break;
      case ir::Relocation::Kind::kSlotMask:
        program_.insns[insn].imm = static_cast<int32_t>(input_->slots_mask);
        break;
      default:
        break;  // calls: references by name
    }
    return {};
  }

  const LinkInput* input_;
  Types types_;
  std::deque<RuntimeFunction> functions_;  // in the program's order
  std::map<std::string, uint32_t> begins_;
  LinkedProgram program_;
};

}  // namespace

Result<LinkedProgram> link(const LinkInput& input) {
  return Linker(input).run();
}

UndefinedNames undefined_names(const RuntimeObject& runtime) {
  std::set<std::string> constants;
  std::set<std::string> functions;
  for (const RuntimeFunction& function : runtime.functions) {
    for (const auto& reference : function.references) {
      if (runtime.find(reference.symbol) != nullptr || reference.symbol == kFilter || is_map_name(reference.symbol))
        continue;
      (reference.call ? functions : constants).insert(reference.symbol);
    }
  }
  return {{constants.begin(), constants.end()}, {functions.begin(), functions.end()}};
}

}  // namespace perilune::bpf
