#include "script/library/pattern_program.h"

#include <algorithm>
#include <new>
#include <optional>

namespace perilune::script {
namespace {

using Op = PatternNode::Op;
using Repeat = PatternNode::Repeat;

constexpr bool is_between(int c, int low, int high) {
  return c >= low && c <= high;
}

}  // namespace

class PatternCompiler {
 public:
  PatternCompiler(PatternProgram& program, std::string_view pattern)
      : program_(program),
        nodes_(reinterpret_cast<PatternNode*>(&program + 1)),
        sets_(reinterpret_cast<ByteSet*>(nodes_ + program.node_capacity_)),
        pattern_(pattern) {}

  void run() {
    while (at_ < pattern_.size()) {
      if (!item()) return;
    }
    add(PatternNode{});
  }

  /// Fills in what every match begins with. Opening brackets in front change nothing, as long as they are not too many.
  void find_beginning() {
    constexpr size_t kFewBrackets = 16;
    size_t i = 0;
    while (i < kFewBrackets && (nodes_[i].op == Op::kOpen || nodes_[i].op == Op::kPosition))
      ++i;
    const auto at_least_once = [](const PatternNode& node) {
      return node.repeat == Repeat::kOnce || node.repeat == Repeat::kPlus;
    };
    if (nodes_[i].op == Op::kSet && at_least_once(nodes_[i])) {
      program_.has_first_set_ = true;
      program_.first_set_ = nodes_[i].index;
    }
    while (nodes_[i].op == Op::kByte && at_least_once(nodes_[i]) && program_.prefix_length_ < program_.prefix_.size()) {
      program_.prefix_[program_.prefix_length_++] = static_cast<char>(nodes_[i].first);
      if (nodes_[i].repeat == Repeat::kPlus) break;
      ++i;
    }
  }

 private:
  [[nodiscard]] char peek(size_t ahead = 0) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0';
  }
  void add(const PatternNode& node) { new (&nodes_[node_count_++]) PatternNode(node); }
  uint32_t add(const ByteSet& set) {
    new (&sets_[set_count_]) ByteSet(set);
    return set_count_++;
  }
  /// Nothing after an error can be reached.
  bool fail(PatternError error) {
    add(PatternNode{Op::kError, Repeat::kOnce, 0, 0, static_cast<uint32_t>(error)});
    return false;
  }

  /// One item of the pattern; false when it is malformed.
  bool item() {
    switch (peek()) {
      case '(':
        if (peek(1) == ')') {
          add(PatternNode{Op::kPosition, Repeat::kOnce, 0, 0, 0});
          at_ += 2;
        } else {
          add(PatternNode{Op::kOpen, Repeat::kOnce, 0, 0, 0});
          ++at_;
        }
        return true;
      case ')':
        add(PatternNode{Op::kClose, Repeat::kOnce, 0, 0, 0});
        ++at_;
        return true;
      case '$':
        if (at_ + 1 != pattern_.size()) return single();
        add(PatternNode{Op::kSubjectEnd, Repeat::kOnce, 0, 0, 0});
        ++at_;
        return true;
      case '%':
        return escape();
      default:
        return single();
    }
  }

  bool escape() {
    const char letter = peek(1);
    if (letter == 'b') {
      if (at_ + 4 > pattern_.size()) return fail(PatternError::kMissingBalanceArguments);
      add(PatternNode{Op::kBalance, Repeat::kOnce, static_cast<uint8_t>(peek(2)), static_cast<uint8_t>(peek(3)), 0});
      at_ += 4;
      return true;
    }
    if (letter == 'f') {
      at_ += 2;
      if (peek() != '[') return fail(PatternError::kMissingFrontierSet);
      ByteSet set;
      if (!bracket(set)) return fail(PatternError::kMissingBracket);
      add(PatternNode{Op::kFrontier, Repeat::kOnce, 0, 0, add(set)});
      return true;
    }
    if (is_between(letter, '0', '9')) {
      add(PatternNode{Op::kBack, Repeat::kOnce, static_cast<uint8_t>(letter), 0, 0});
      at_ += 2;
      return true;
    }
    return single();
  }

  /// A single character class and how often it may come.
  bool single() {
    PatternNode node;
    ByteSet set;
    if (peek() == '[') {
      if (!bracket(set)) return fail(PatternError::kMissingBracket);
      node.op = Op::kSet;
      node.index = add(set);
    } else if (peek() == '%') {
      if (at_ + 1 == pattern_.size()) return fail(PatternError::kEndsWithPercent);
      if (const std::optional<ByteSet> named = pattern::class_of(peek(1))) {
        node.op = Op::kSet;
        node.index = add(*named);
      } else {
        node.op = Op::kByte;
        node.first = static_cast<uint8_t>(peek(1));
      }
      at_ += 2;
    } else {
      node.op = peek() == '.' ? Op::kAny : Op::kByte;
      node.first = static_cast<uint8_t>(peek());
      ++at_;
    }
    node.repeat = repetition();
    add(node);
    return true;
  }

  Repeat repetition() {
    Repeat repeat = Repeat::kOnce;
    switch (peek()) {
      case '?':
        repeat = Repeat::kOptional;
        break;
      case '*':
        repeat = Repeat::kStar;
        break;
      case '+':
        repeat = Repeat::kPlus;
        break;
      case '-':
        repeat = Repeat::kLazy;
        break;
      default:
        return repeat;
    }
    ++at_;
    return repeat;
  }

  /// The set from '[' on; false when it is not closed.
  bool bracket(ByteSet& set) {
    const std::optional<pattern::Bracket> found = pattern::bracket_at(pattern_, at_);
    if (!found) return false;
    set = found->set;
    at_ = found->end;
    return true;
  }

  PatternProgram& program_;
  PatternNode* nodes_;
  ByteSet* sets_;
  std::string_view pattern_;
  size_t at_ = 0;
  uint32_t node_count_ = 0;
  uint32_t set_count_ = 0;
};

size_t PatternProgram::size_for(std::string_view pattern) {
  const auto sets = std::count_if(pattern.begin(), pattern.end(), [](char c) { return c == '[' || c == '%'; });
  return sizeof(PatternProgram) + (pattern.size() + 1) * sizeof(PatternNode) +
         static_cast<size_t>(sets) * sizeof(ByteSet);
}

const PatternProgram& PatternProgram::compile(void* memory, std::string_view pattern, bool with_anchor) {
  auto& program = *new (memory) PatternProgram;
  program.node_capacity_ = static_cast<uint32_t>(pattern.size() + 1);
  program.is_plain_ = pattern.find_first_of("^$*+?.([%-") == std::string_view::npos;
  if (with_anchor && pattern.starts_with('^')) {
    program.anchored_ = true;
    pattern.remove_prefix(1);
  }
  PatternCompiler compiler(program, pattern);
  compiler.run();
  if (!program.anchored_) compiler.find_beginning();
  return program;
}

}  // namespace perilune::script
