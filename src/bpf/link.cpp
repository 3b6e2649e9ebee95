#include "bpf/link.h"

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <set>

#include <bpf/btf.h>

#include "bpf/inline_filter.h"
#include "bpf/specialize.h"

namespace perilune::bpf {
namespace {

constexpr const char* kFilter = "filter";
constexpr const char* kPull = "pull";
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
    add_function(input_->runtime->entry);
    // The filter's code may be the only one that pulls.
    const auto& relocations = input_->code->relocations;
    if (std::ranges::any_of(relocations, [](const auto& r) { return r.kind == ir::Relocation::Kind::kPull; }))
      add_function(kPull);
    for (size_t i = 0; i < order_.size(); ++i) {  // grows on the way
      for (const auto& reference : order_[i]->references)
        if (input_->runtime->find(reference.symbol) != nullptr) add_function(reference.symbol);
    }
    if (input_->inlines_filter && order_.front()->name == input_->runtime->entry)
      inlined_ = inline_filter(*order_.front(), kFilter, *input_->code);
    if (inlined_) order_.front() = &inlined_->function;
    for (const RuntimeFunction* function : order_)
      emit(*function);
    if (!inlined_) emit_filter();
    for (const RuntimeFunction* function : order_) {
      for (const auto& reference : function->references) {
        if (auto done = resolve(begins_.at(function->name) + reference.insn, reference); !done)
          return tl::make_unexpected(std::move(done.error()));
      }
    }
    if (auto done = resolve_filter(); !done) return tl::make_unexpected(std::move(done.error()));
    if (!types_.ok()) return system_error("cannot make type information");
    program_.types = types_.bytes();
    program_.inlined_filter = inlined_.has_value();
    return std::move(program_);
  }

 private:
  void add_function(const std::string& name) {
    if (begins_.contains(name)) return;
    begins_[name] = 0;
    specialized_.push_back(specialize(*input_->runtime->find(name), input_->constants));
    order_.push_back(&specialized_.back());
  }

  [[nodiscard]] uint32_t position() const { return static_cast<uint32_t>(program_.insns.size()); }

  void begin_function(const std::string& name, bool global, const std::vector<RuntimeFunction::Parameter>& parameters) {
    begins_[name] = position();
    const bool entry = name == input_->runtime->entry;
    program_.functions.push_back({position(), types_.function(name, global, parameters, entry)});
  }

  void add_line(uint32_t insn, const RuntimeFunction::Line& line) {
    program_.lines.push_back({insn, types_.text(line.file), types_.text(line.text), line.position});
  }

  void emit(const RuntimeFunction& function) {
    begin_function(function.name, function.global, function.parameters);
    const uint32_t begin = position();
    if (function.lines.empty() || function.lines.front().insn != 0)
      program_.lines.push_back({begin, types_.text("runtime"), types_.text(function.name), 0});
    auto line = function.lines.begin();
    if (inlined_ && &function == &inlined_->function) {
      for (; line != function.lines.end() && line->insn < inlined_->begin; ++line)
        add_line(begin + line->insn, *line);
      begin_filter(begin + inlined_->begin);
      // What follows belongs to the line of the call.
      if (line != function.lines.begin() && (line == function.lines.end() || line->insn != inlined_->end))
        add_line(begin + inlined_->end, *std::prev(line));
    }
    for (; line != function.lines.end(); ++line)
      add_line(begin + line->insn, *line);
    program_.insns.insert(program_.insns.end(), function.insns.begin(), function.insns.end());
  }

  void emit_filter() {
    using Parameter = RuntimeFunction::Parameter;
    begin_function(kFilter, true, {Parameter::kContext, Parameter::kNumber});
    begin_filter(position());
    const ir::Code& code = *input_->code;
    program_.insns.insert(program_.insns.end(), code.insns.begin(), code.insns.end());
  }

  void begin_filter(uint32_t begin) {
    filter_begin_ = begin;
    const ir::Code& code = *input_->code;
    if (code.lines.empty() || code.lines.front().insn != 0)
      program_.lines.push_back({begin, types_.text("filter"), types_.text(""), 0});
    for (const ir::LineRecord& line : code.lines) {
      const uint32_t insn = begin + line.insn;
      if (!program_.lines.empty() && program_.lines.back().insn_off == insn) program_.lines.pop_back();
      program_.lines.push_back(
          {insn, types_.text(file_name(line.file)), types_.text(source_text(line)), line.line << kLineShift});
    }
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

  Result<void> resolve_filter() {
    for (const ir::Relocation& relocation : input_->code->relocations) {
      const uint32_t insn = filter_begin_ + relocation.insn;
      const bool wide =
          relocation.kind != ir::Relocation::Kind::kPull && relocation.kind != ir::Relocation::Kind::kSlotMask;
      const size_t needed = wide ? 2 : 1;
      if (insn + needed > program_.insns.size()) return system_error("the compiled filter's relocations are broken");
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
        case ir::Relocation::Kind::kPull:
          set_call(insn, kPull);
          break;
        case ir::Relocation::Kind::kSlotMask:
          program_.insns[insn].imm = static_cast<int32_t>(input_->slots_mask);
          break;
      }
    }
    return {};
  }

  const LinkInput* input_;
  Types types_;
  std::deque<RuntimeFunction> specialized_;
  std::vector<const RuntimeFunction*> order_;
  std::map<std::string, uint32_t> begins_;
  std::optional<InlinedFilter> inlined_;
  uint32_t filter_begin_ = 0;
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
