// string.find, match and gmatch on packet data: which answer is needed decides how the match is made.
//
//   if s:find('x') then             yes or no
//   s:match(p) == 'OpenSSH_6.4'     one automaton that knows the pattern and the text
//   local a, b = s:match(p)         captures
//
// So a match whose one result goes into a register is put off until something asks for it.
#include <fmt/format.h>

#include "compiler/lowering/lowering.h"
#include "compiler/match/match.h"

namespace perilune::compiler {
namespace {

using ir::Condition;

MatchContext context_for(ir::Builder& builder, ir::TablePool& tables, ir::BlockId exhausted) {
  MatchContext context;
  context.builder = &builder;
  context.tables = &tables;
  context.exhausted = exhausted;
  context.scratch = kMatchArea;
  context.workspace = kWorkspace;
  context.workspace_size = kWorkspaceSize;
  return context;
}

bool may_be_empty(const pattern::Pattern& pattern) {
  for (const pattern::Item& item : pattern.items) {
    if (item.kind == pattern::Item::Kind::kByte &&
        (item.repeat == pattern::Repeat::kOnce || item.repeat == pattern::Repeat::kPlus)) {
      return false;
    }
  }
  return true;
}

pattern::Pattern parse_pattern(const std::string& text, pattern::Anchors anchors) {
  auto parsed = pattern::parse(text, anchors);
  if (!parsed) throw Refusal{"pattern-malformed", parsed.error(), "see the manual of Lua 5.4, 6.4.1, for patterns"};
  if (!parsed->not_regular.empty()) {
    throw Refusal{"pattern-not-regular",
                  fmt::format("the pattern has {}, which no automaton can match", parsed->not_regular),
                  "find the parts with string.find and compare them, or keep this script on the lua engine"};
  }
  return std::move(*parsed);
}

}  // namespace

// What is sure about each capture, or about the whole match when there are none.
static std::vector<CaptureFacts> facts_of_captures(const pattern::Pattern& pattern) {
  std::vector<CaptureFacts> facts(std::max<size_t>(pattern.captures.size(), 1));
  std::vector<bool> open(facts.size(), pattern.captures.empty());
  for (const pattern::Item& item : pattern.items) {
    if (item.kind == pattern::Item::Kind::kOpen) open[item.capture] = true;
    if (item.kind == pattern::Item::Kind::kClose) open[item.capture] = false;
    if (item.kind != pattern::Item::Kind::kByte) continue;
    bool digits = true;
    for (unsigned byte = 0; byte < 256; ++byte) {
      if (item.set.contains(static_cast<uint8_t>(byte)) && (byte < '0' || byte > '9')) digits = false;
    }
    const bool one = item.repeat == pattern::Repeat::kOnce || item.repeat == pattern::Repeat::kOptional;
    for (size_t n = 0; n < facts.size(); ++n) {
      if (!open[n]) continue;
      facts[n].digits = facts[n].digits && digits;
      facts[n].most = one ? facts[n].most + 1 : PL_FRAME_MAX;
    }
  }
  return facts;
}

// The position to begin at, from 0. False: it lies after the end on this path, or the script has failed.
bool Lowering::match_init(const Call& call, const StringParts& subject, ir::Value& init) {
  init = number(0);
  if (call.none_or_nil(2)) return true;
  AbstractValue position;
  if (!integer_argument(call, 2, position)) return false;
  if (position.kind == Kind::kInteger && (position.integer == 1 || position.integer == 0)) return true;
  init = b_.add(start_position(position, subject), -1);
  const State before = st_;
  const ir::BlockId inside = b_.new_block();
  const ir::BlockId behind = b_.new_block();
  b_.branch(Condition::kUgt, init, subject.length, behind, inside);
  resume(behind, before);
  finish(call, {AbstractValue::nil()});
  resume(inside, before);
  return true;
}

void Lowering::call_find(Call& call) {
  start_match(call, true);
}

void Lowering::call_match(Call& call) {
  start_match(call, false);
}

void Lowering::start_match(Call& call, bool find) {
  AbstractValue text;
  if (!string_argument(call, 0, text)) return;
  call.arguments[0] = text;
  AbstractValue pattern;
  if (!string_argument(call, 1, pattern)) return;
  call.arguments[1] = pattern;
  if (pattern.kind != Kind::kString) {
    refuse("dynamic-pattern", "the pattern comes from the packet",
           "use a constant pattern; compare strings with == and take parts with :sub");
  }
  // A pattern's faults are reported where it is used.
  const bool plain =
      find && ((!call.missing(3) && truth(call.argument(3)).value_or(true)) || pattern::is_plain(pattern.string()));
  if (!plain) (void)parse_pattern(pattern.string(), pattern::Anchors::kAnchor);
  if (call.wanted == 1 && call.on_return == Frame::Return::kCall && call.none_or_nil(2)) {
    AbstractValue match = AbstractValue::of(Kind::kMatch);
    match.index = static_cast<uint32_t>(matches_.size());
    matches_.push_back({find, call});
    set(call.result, std::move(match));
    return;
  }
  match_now(call, find);
}

void Lowering::match_now(const Call& call, bool find) {
  const AbstractValue text = call.argument(0);
  const StringParts parts = string_of(text);
  const std::string& pattern_text = call.argument(1).string();
  const bool plain = find && !call.missing(3) && truth(call.argument(3)).value_or(true);
  ir::Value init = 0;
  if (!match_init(call, parts, init)) return;
  const Subject subject{parts.offset, parts.length, parts.most};
  const MatchContext context = context_for(b_, tables_, exhausted());
  const State before = st_;
  MatchBlocks blocks;
  std::vector<CaptureFacts> facts;
  if (plain || (find && pattern::is_plain(pattern_text))) {
    blocks = lower_find_plain(context, pattern_text, subject, init);
  } else {
    const pattern::Pattern pattern = parse_pattern(pattern_text, pattern::Anchors::kAnchor);
    MatchNeeds needs;
    needs.bounds = find ? call.wanted != 0 : pattern.captures.empty();
    needs.captures = find ? call.wanted < 0 || call.wanted > 2 : true;
    facts = facts_of_captures(pattern);
    auto lowered = lower_match(context, pattern, subject, init, needs);
    if (!lowered)
      refuse("pattern-too-complex", lowered.error(), "anchor the pattern with ^, shorten the subject, or simplify");
    blocks = std::move(*lowered);
  }
  const ir::BlockId yes = b_.current();
  resume(blocks.no, before);
  finish(call, {AbstractValue::nil()});
  resume(yes, before);
  finish(call, match_results(find, text, parts, blocks, facts));
}

std::vector<AbstractValue> Lowering::match_results(bool find, const AbstractValue& text, const StringParts& parts,
                                                   const MatchBlocks& blocks, const std::vector<CaptureFacts>& facts) {
  Values results;
  const auto slice = [&](ir::Value start, ir::Value length, size_t number_of_capture) {
    AbstractValue part = AbstractValue::dynamic_string(b_.add(parts.offset, start), length, parts.most);
    part.in_frame = text.in_frame;
    if (number_of_capture < facts.size()) {
      part.digits = facts[number_of_capture].digits;
      part.most = std::min<int64_t>(part.most, facts[number_of_capture].most);
    }
    return part;
  };
  if (find) {
    results.push_back(AbstractValue::dynamic_integer(b_.add(blocks.start, 1)));
    results.push_back(AbstractValue::dynamic_integer(blocks.end));
  } else if (blocks.captures.empty()) {
    results.push_back(slice(blocks.start, b_.sub(blocks.end, blocks.start), 0));
    return results;
  }
  for (size_t n = 0; n < blocks.captures.size(); ++n) {
    const CaptureValues& capture = blocks.captures[n];
    results.push_back(capture.position ? AbstractValue::dynamic_integer(b_.add(capture.start, 1))
                                       : slice(capture.start, capture.length, n));
  }
  return results;
}

// The register's match is carried out; both paths come back to the instruction under way.
void Lowering::force_match(uint32_t reg_index) {
  const PendingMatch pending = matches_[reg(reg_index).index];
  Call call = pending.call;
  call.result = reg_index;
  match_now(call, pending.find);
}

void Lowering::test_match(const AbstractValue& match, const std::string* equals, ir::BlockId& yes, ir::BlockId& no) {
  const PendingMatch pending = matches_[match.index];
  const Call& call = pending.call;
  const StringParts parts = string_of(call.argument(0));
  const Subject subject{parts.offset, parts.length, parts.most};
  const std::string& pattern_text = call.argument(1).string();
  const MatchContext context = context_for(b_, tables_, exhausted());
  const bool plain =
      pending.find && ((!call.missing(3) && truth(call.argument(3)).value_or(true)) || pattern::is_plain(pattern_text));
  if (plain) {
    const MatchBlocks blocks = lower_find_plain(context, pattern_text, subject, number(0));
    yes = b_.current();
    no = blocks.no;
    return;
  }
  const pattern::Pattern pattern = parse_pattern(pattern_text, pattern::Anchors::kAnchor);
  MatchNeeds needs;
  if (equals != nullptr) needs.equals = *equals;
  const auto lowered = lower_match(context, pattern, subject, number(0), needs);
  if (!lowered)
    refuse("pattern-too-complex", lowered.error(), "anchor the pattern with ^, shorten the subject, or simplify");
  yes = b_.current();
  no = lowered->no;
}

// The iterator of gmatch is a table made at packet time: [0] the pattern, [1] the subject, [2] where to go on, [3]
// where the last match ended (-1: none yet).
void Lowering::call_gmatch(Call& call) {
  AbstractValue text;
  if (!string_argument(call, 0, text)) return;
  AbstractValue pattern;
  if (!string_argument(call, 1, pattern)) return;
  if (pattern.kind != Kind::kString)
    refuse("dynamic-pattern", "the pattern comes from the packet", "use a constant pattern");
  if (!call.none_or_nil(2)) refuse("gmatch-init", "gmatch with a position to begin at", "use :sub first");
  (void)parse_pattern(pattern.string(), pattern::Anchors::kNone);
  AbstractValue iterator = AbstractValue::of(Kind::kTable);
  iterator.index = static_cast<uint32_t>(st_.tables.size());
  VirtualTable& table = st_.tables.emplace_back();
  const auto add = [&](int64_t key, AbstractValue value) {
    table.entries.push_back({AbstractValue::integer_constant(key), std::move(value)});
  };
  add(kGmatchMark, pattern);
  add(1, as_dynamic(text));
  add(2, AbstractValue::integer_constant(0));
  add(3, AbstractValue::integer_constant(-1));
  finish(call, {iterator});
}

void Lowering::gmatch_next(uint32_t table, Call& call) {
  const std::string pattern_text = st_.tables[table].entries[0].value.string();
  const AbstractValue text = st_.tables[table].entries[1].value;
  const pattern::Pattern pattern = parse_pattern(pattern_text, pattern::Anchors::kNone);
  const StringParts parts = string_of(text);
  const Subject subject{parts.offset, parts.length, parts.most};
  const ir::Value from = integer_of(st_.tables[table].entries[2].value);
  const ir::Value last = integer_of(st_.tables[table].entries[3].value);
  const State before = st_;
  const ir::BlockId none = b_.new_block();
  const ir::BlockId some = b_.new_block();
  b_.branch(Condition::kUgt, from, parts.length, ir::Edge{none, {}}, ir::Edge{some, {}});
  b_.switch_to(some);
  const auto search = [&](ir::Value init, bool retry) {
    const MatchContext context = context_for(b_, tables_, exhausted());
    MatchNeeds needs;
    needs.bounds = true;
    needs.captures = true;
    auto lowered = lower_match(context, pattern, subject, init, needs);
    if (!lowered) refuse("pattern-too-complex", lowered.error(), "shorten the subject, or simplify the pattern");
    const ir::BlockId yes = b_.current();
    b_.switch_to(lowered->no);
    b_.jump(none);
    b_.switch_to(yes);
    ir::BlockId again = 0;
    if (retry) {
      again = b_.new_block();
      const ir::BlockId good = b_.new_block();
      b_.branch(Condition::kEq, lowered->end, last, ir::Edge{again, {}}, ir::Edge{good, {}});
      b_.switch_to(good);
    }
    const ir::BlockId here = b_.current();
    resume(here, before);
    st_.tables[table].entries[2].value = AbstractValue::dynamic_integer(lowered->end);
    st_.tables[table].entries[3].value = AbstractValue::dynamic_integer(lowered->end);
    finish(call, match_results(false, text, parts, *lowered, facts_of_captures(pattern)));
    return std::pair{again, lowered->start};
  };
  const auto [again, start] = search(from, may_be_empty(pattern));
  if (again != 0) {
    // An empty match where the last one ended is none: on from the next byte.
    b_.switch_to(again);
    const ir::Value next = b_.add(start, 1);
    const ir::BlockId inside = b_.new_block();
    b_.branch(Condition::kUgt, next, parts.length, ir::Edge{none, {}}, ir::Edge{inside, {}});
    b_.switch_to(inside);
    (void)search(next, false);
  }
  resume(none, before);
  finish(call, {});  // no value at all, as the library has it: tostring(next()) is an error
}

}  // namespace perilune::compiler
