#include "compiler/lowering/lowering.h"

#include <algorithm>

#include <fmt/format.h>

#include "packet/kind.h"
#include "script/state/text.h"

namespace perilune::compiler {
int64_t ConstantPool::add(const std::string& text) {
  const auto found = offsets_.find(text);
  if (found != offsets_.end()) return found->second;
  const auto offset = static_cast<int64_t>(PL_CONSTANTS + bytes_.size());
  bytes_ += text;
  while (bytes_.size() % 8 != 0)
    bytes_ += '\0';
  if (bytes_.size() + 64 > PL_FRAME - PL_CONSTANTS) {
    throw Refusal{"too-many-strings", "the function needs more than 16 KiB of constant strings at packet time",
                  "keep long texts out of the function, or use numbers instead of strings as values of tables"};
  }
  offsets_[text] = offset;
  return offset;
}

Lowering::Lowering(World& world, const Target& target) : world_(&world), target_(target) {
  for (const event::Steady& one : packet::kind().steady)
    function_.steady.emplace_back(PL_RECORD + one.begin, PL_RECORD + one.end);
  const ir::BlockId entry = b_.new_block();
  b_.switch_to(entry);
}

// --- the walk

void Lowering::run() {
  const AbstractValue entry = world_->entry_point();
  auto callee = world_->callee_of(entry.object);
  if (!callee) {
    diagnostics_.push_back(
        {Severity::kError, "bytecode", world_->state().options().function, 0, callee.error().message, ""});
    return;
  }
  int32_t offset = PL_WORKER;
  for (Cell& cell : world_->cells()) {
    if (!cell.variable) continue;
    cell.offset = offset;
    offset += kVariableBytes;
  }
  next_worker_offset_ = offset;

  const Prototype& prototype = *(*callee)->code->prototype;
  b_.at((*callee)->code->file, prototype.line_defined);
  b_.store(8, b_.slot(), kStringTop, b_.constant(0));
  const bool all = prototype.vararg;
  Values arguments;
  if (all || prototype.parameters >= 1) arguments.push_back(headers_view());
  if (all || prototype.parameters >= 2) arguments.push_back(record_region(*packet::kind().find("payload")));
  if (all || prototype.parameters >= 3) arguments.push_back(AbstractValue::of(Kind::kPacket));
  enter(*callee, std::move(arguments), Call{});
  const ir::BlockId body = b_.new_block();
  b_.jump(body);
  b_.switch_to(body);
  walk();
  while (!pending_.empty()) {
    const auto first = pending_.begin();
    const Key key = first->first;
    Version* version = first->second.front();
    first->second.erase(first->second.begin());
    if (first->second.empty()) pending_.erase(first);
    lower_version(key, *version);
    if (diagnostics_.size() >= 20) return;
  }
  if (allocations_ == 0) {
    std::erase_if(function_.blocks[0].instructions,
                  [](const ir::Instruction& one) { return one.op == ir::Op::kStore64 && one.disp == kStringTop; });
  }
}

void Lowering::walk() {
  for (ended_ = false; !ended_;) {
    outcomes_.clear();
    try {
      step();
    } catch (const Refusal& refusal) {
      outcomes_.clear();
      if (refusal.final) throw;
      const Frame* frame = st_.frames.empty() ? nullptr : &st_.top();
      Diagnostic diagnostic{Severity::kError, refusal.code, refusal.file, refusal.line, refusal.message, refusal.hint};
      if (frame != nullptr && refusal.line == 0) {
        diagnostic.file = world_->files()[frame->callee->code->file];
        diagnostic.line = frame->callee->code->prototype->line(current_pc_);
      }
      const bool known = std::ranges::any_of(diagnostics_, [&](const Diagnostic& other) {
        return other.code == diagnostic.code && other.line == diagnostic.line && other.file == diagnostic.file;
      });
      if (!known) diagnostics_.push_back(diagnostic);
      if (!b_.terminated()) b_.ret(global(PL_ERROR));
      return;
    }
    if (!outcomes_.empty()) {
      if (outcomes_.size() == 1) {
        st_ = std::move(outcomes_[0].state);
        b_.switch_to(outcomes_[0].block);
        outcomes_.clear();
        ended_ = false;
      } else {
        std::vector<Outcome> all;
        all.swap(outcomes_);
        for (Outcome& one : all) {
          b_.switch_to(one.block);
          st_ = std::move(one.state);
          transfer();
        }
        return;
      }
    }
    // `return pkt:block()`: the library call itself was the end, on its only path.
    if (ended_ || b_.terminated()) return;
    const Frame& frame = st_.top();
    if (frame.callee->code->info.joins[frame.pc]) {
      transfer();
      return;
    }
  }
}

// --- places

Lowering::Key Lowering::key_of(const State& state) const {
  Key key;
  for (const Frame& frame : state.frames) {
    key.insert(key.end(), frame.rounds.begin(), frame.rounds.end());
    key.push_back(frame.pc);
    key.push_back(frame.callee->code->number);
  }
  return key;
}

// Values of one class to one value. True: it needs parameters.
bool Lowering::join(const std::vector<const AbstractValue*>& values, AbstractValue& joined, bool forced) {
  joined = *values[0];
  bool all_same = true;
  for (const AbstractValue* value : values) {
    if (!same(*value, joined)) all_same = false;
  }
  for (const AbstractValue* value : values) {
    if (value->kind != Kind::kView && value->kind != Kind::kDynamicString) continue;
    joined.most = std::max(joined.most, value->most);
    joined.least = std::min(joined.least, value->least);
    joined.digits = joined.digits && value->digits;
    joined.address = joined.address && value->address;
    if (joined.kind == Kind::kView && value->index != joined.index) joined.index = 0;
    if (value->base != joined.base) joined.base = AbstractValue::kUnknown;
  }
  if (all_same && !forced) return false;
  switch (class_of(joined.kind)) {
    case 'b':
      joined = AbstractValue::of(Kind::kDynamicBoolean);
      return true;
    case 'i':
      joined = AbstractValue::of(Kind::kDynamicInteger);
      return true;
    case 's': {
      joined = AbstractValue::of(Kind::kDynamicString);
      joined.least = INT64_MAX;
      for (const AbstractValue* value : values) {
        joined.most = std::max(joined.most, longest(*value));
        joined.least = std::min(joined.least, shortest(*value));
        joined.in_frame = joined.in_frame || value->in_frame;
      }
      joined.digits = std::ranges::all_of(values, [](const AbstractValue* value) { return value->digits; });
      joined.address = std::ranges::all_of(values, [](const AbstractValue* value) { return is_address(*value); });
      return true;
    }
    default:
      return joined.kind == Kind::kView || joined.kind == Kind::kAddress;  // others are alike by their shape
  }
}

// The place of a constant string that meets others: what is refused there belongs to no instruction.
int64_t Lowering::constant_met(const std::string& text, const Frame& place) {
  try {
    return constants_.add(text);
  } catch (Refusal& refusal) {
    refusal.file = world_->files()[place.callee->code->file];
    refusal.line = place.callee->code->prototype->line(place.pc);
    throw;
  }
}

void Lowering::append_arguments(const AbstractValue& joined, const AbstractValue& value, const Frame& place,
                                std::vector<ir::Value>& arguments) {
  switch (joined.kind) {
    case Kind::kDynamicBoolean:
    case Kind::kDynamicInteger:
      arguments.push_back(value.is_constant() ? global(value.integer) : value.a);
      break;
    case Kind::kDynamicString:
      if (value.kind == Kind::kString) {
        arguments.push_back(global(constant_met(value.string(), place)));
        arguments.push_back(global(static_cast<int64_t>(value.string().size())));
        break;
      }
      [[fallthrough]];
    case Kind::kView:
    case Kind::kAddress:
      arguments.push_back(value.a);
      arguments.push_back(value.b);
      break;
    default:
      break;
  }
}

void Lowering::merge_facts(State& into, const State& from) const {
  into.pulled = std::min(into.pulled, from.pulled);
  into.replaced |= from.replaced;
  if (into.has_ports != from.has_ports) into.has_ports = -1;
  std::erase_if(into.elements,
                [&](const KeptElement& one) { return std::ranges::find(from.elements, one) == from.elements.end(); });
}

// Can `state` enter the version, which is lowered already? Then the arguments.
bool Lowering::arrives(Version& version, State& state, std::vector<ir::Value>& arguments) {
  const auto mine = flatten(version.state);
  const auto theirs = flatten(state);
  for (size_t i = 0; i < mine.size(); ++i) {
    const AbstractValue& a = *mine[i];
    const AbstractValue& b = *theirs[i];
    bool fits = version.is_parameter[i] || same(a, b);
    if (a.kind == Kind::kDynamicString || a.kind == Kind::kView) {
      if (longest(b) > a.most || shortest(b) < a.least) fits = false;
      if ((a.digits && !b.digits) || (a.address && !is_address(b))) fits = false;
      if (a.kind == Kind::kView && a.index != 0 && a.index != b.index) fits = false;
      if (a.base != b.base && a.base != AbstractValue::kUnknown && a.kind == Kind::kView) fits = false;
    }
    if (!fits) return false;
  }
  if (state.replaced && !version.state.replaced) return false;
  if (version.state.has_ports != -1 && version.state.has_ports != state.has_ports) return false;
  for (const KeptElement& one : version.state.elements)
    if (std::ranges::find(state.elements, one) == state.elements.end()) return false;
  for (size_t i = 0; i < mine.size(); ++i) {
    if (version.is_parameter[i]) append_arguments(*mine[i], *theirs[i], version.state.top(), arguments);
  }
  return true;
}

// At the end of an iteration, which began at `version` of the loop's head (the next one may begin at another): what it
// made is given back. Strings that it found stand below; of those that it made and the next one finds, the place says
// whether they stand at PL_STRINGS at all, which is the end of the slot. Once enough lies unused among the strings that
// iterations made, those that the next one finds are moved together.
Lowering::StringRoom Lowering::end_iteration(Version& version) {
  const StringRoom room = version.room;
  if (allocations_ == version.allocations) return room;
  const auto now = flatten(st_);
  const auto places_in = [](const std::vector<AbstractValue*>& values) {
    std::vector<ir::Value> places;
    for (const AbstractValue* value : values)
      if (value->kind == Kind::kDynamicString && std::ranges::find(places, value->a) == places.end())
        places.push_back(value->a);
    return places;
  };
  const std::vector<ir::Value> found = places_in(flatten(version.state));
  std::vector<ir::Value> made = places_in(now);
  std::erase_if(made, [&](ir::Value place) { return std::ranges::find(found, place) != found.end(); });
  if (made.empty()) {
    b_.store(8, b_.slot(), kStringTop, room.used);
    return room;
  }
  std::vector<MovedString> moved = strings_to_move(version, now);
  const ir::BlockId above = b_.new_block();
  for (const ir::Value place : made) {
    const ir::BlockId below = b_.new_block();
    b_.branch(ir::Condition::kUlt, place, b_.add(room.used, kStrings), below, above);
    b_.switch_to(below);
  }
  const ir::BlockId join = b_.new_block(static_cast<uint32_t>(moved.size()) + 1);
  const auto go_on = [&](ir::Value used, bool are_moved) {
    std::vector<ir::Value> arguments{used};
    for (const MovedString& one : moved)
      arguments.push_back(are_moved ? one.to : one.from);
    b_.jump(join, std::move(arguments));
  };
  b_.store(8, b_.slot(), kStringTop, room.used);
  go_on(room.used, false);
  b_.switch_to(above);
  const ir::Value used = string_top();
  if (!moved.empty()) {
    const ir::BlockId stay = b_.new_block();
    const ir::BlockId move = b_.new_block();
    constexpr int64_t kMuch = 512;  // bytes, so that short strings are not moved in each iteration
    b_.branch(ir::Condition::kUlt, b_.sub(used, room.before), number(kMuch), stay, move);
    b_.switch_to(move);
    go_on(move_strings(moved, room.before, used, stay), true);
    b_.switch_to(stay);
  }
  go_on(used, false);
  b_.switch_to(join);
  const auto joined = b_.parameters(join);
  for (AbstractValue* value : now) {
    if (value->kind != Kind::kDynamicString) continue;
    const auto one = std::ranges::find(moved, value->a, &MovedString::from);
    if (one != moved.end()) value->a = joined[static_cast<size_t>(one - moved.begin()) + 1];
  }
  return {room.before, joined[0]};
}

// All but those from before the loop; none when they are too many, or one place stands for texts of several lengths.
std::vector<Lowering::MovedString> Lowering::strings_to_move(const Version& version,
                                                             const std::vector<AbstractValue*>& values) {
  constexpr size_t kMost = 4;
  const std::vector<ir::Value>& before = *version.strings_before;
  std::vector<MovedString> moved;
  for (const AbstractValue* value : values) {
    if (value->kind != Kind::kDynamicString) continue;
    if (std::ranges::find(before, value->a) != before.end()) continue;
    const auto known = std::ranges::find(moved, value->a, &MovedString::from);
    if (known == moved.end()) {
      moved.push_back({value->a, value->b, ir::kNoValue});
    } else if (known->length != value->b) {
      return {};
    }
  }
  if (moved.size() > kMost) moved.clear();
  return moved;
}

void Lowering::transfer() {
  for (uint32_t r = 0; r < st_.top().registers.size(); ++r) {
    const FunctionInfo& info = st_.top().callee->code->info;
    if (reg(r).kind == Kind::kMatch && info.live[st_.top().pc][r]) {
      std::vector<Outcome> kept;
      kept.swap(outcomes_);
      force_match(r);
      std::vector<Outcome> mine;
      mine.swap(outcomes_);
      kept.swap(outcomes_);
      for (Outcome& one : mine) {
        b_.switch_to(one.block);
        st_ = std::move(one.state);
        transfer();
      }
      ended_ = true;
      return;
    }
  }
  const std::vector<uint32_t> rounds = st_.top().rounds;
  forget_dead(st_);
  compact(st_);
  const Key key = key_of(st_);
  const std::string shape = shape_of(st_);
  count_walked(shape.size());
  auto& versions = versions_[key];
  StringRoom room;
  std::optional<std::vector<ir::Value>> strings_before;
  if (real_loop_at(st_.top())) {
    const auto began = std::ranges::find_if(versions, [&](const auto& one) {
      return one->loop != 0 && std::ranges::find(rounds, one->loop) != rounds.end();
    });
    if (began == versions.end()) {
      room.before = room.used = string_top();
    } else {
      room = end_iteration(**began);
      strings_before = (*began)->strings_before;
    }
  }
  std::vector<bool> forced;
  ended_ = true;
  for (const auto& version : versions) {
    if (version->shape != shape) continue;
    if (!version->compiled) {
      version->incoming.push_back({b_.current(), st_, room});
      b_.jump(0);
      return;
    }
    std::vector<ir::Value> arguments;
    if (arrives(*version, st_, arguments)) {
      if (version->state.pulled > st_.pulled) {
        b_.pull(b_.add(header(offsetof(pl_packet, payload)), version->state.pulled));
      }
      if (version->loop != 0) {
        arguments.push_back(room.before);
        arguments.push_back(room.used);
      }
      b_.jump(version->block, std::move(arguments));
      return;
    }
    // The next one takes what this one could not.
    const auto mine = flatten(version->state);
    const auto theirs = flatten(st_);
    forced.resize(mine.size());
    for (size_t i = 0; i < mine.size(); ++i) {
      if (version->is_parameter[i] || !same(*mine[i], *theirs[i])) forced[i] = true;
    }
  }
  if (version_count_ >= kMaxVersions || function_.blocks.size() >= kMaxBlocks) refuse_as_too_large();
  if (versions.size() >= kMaxVersionsOfPlace) {
    const Frame& frame = st_.top();
    constexpr size_t kGrowth = 3;  // iterations, each of which found more than the one before
    const State& first = versions.empty() ? st_ : versions.front()->state;
    const auto [code, message, hint] =
        st_.boxes.size() >= first.boxes.size() + kGrowth
            ? std::tuple{"closure-outlives",
                         "every iteration of the loop makes a function that keeps the one of the iteration before",
                         "keep what the functions compute in variables outside the loop"}
        : st_.tables.size() >= first.tables.size() + kGrowth
            ? std::tuple{"growing-table", "every iteration of the loop makes a table that keeps the one before",
                         "use a map, or decide as you go"}
            : std::tuple{"too-many-types", "variables hold too many combinations of types here",
                         "give variables one type each (0 or '' instead of nil), or decide earlier"};
    Diagnostic diagnostic{Severity::kError,
                          code,
                          world_->files()[frame.callee->code->file],
                          frame.callee->code->prototype->line(frame.pc),
                          message,
                          hint};
    b_.ret(global(PL_ERROR));
    if (diagnostics_.empty() || diagnostics_.back().code != diagnostic.code) diagnostics_.push_back(diagnostic);
    return;
  }
  ++version_count_;
  auto version = std::make_unique<Version>();
  version->shape = shape;
  version->forced = std::move(forced);
  version->strings_before = std::move(strings_before);
  version->incoming.push_back({b_.current(), st_, room});
  b_.jump(0);
  pending_[key].push_back(version.get());
  versions.push_back(std::move(version));
}

// The loop whose head the frame is at, unless it is written out.
const Loop* Lowering::real_loop_at(const Frame& frame) {
  const Loop* loop = frame.callee->code->info.loop_at(frame.pc);
  return loop != nullptr && frame.in_round_of(loop->begin) ? nullptr : loop;
}

// By position in the flattened state: what the loop assigns, itself or by functions that it may call.
std::vector<bool> Lowering::assigned_in(const Loop& loop, State& state) {
  const Parts parts = parts_of(state);
  std::vector<bool> assigned(parts.boxes + state.boxes.size());
  const std::vector<bool> by_closures = boxes_written_by_closures(state);
  std::copy(by_closures.begin(), by_closures.end(), assigned.begin() + static_cast<ptrdiff_t>(parts.boxes));
  const std::vector<AbstractValue>& registers = state.top().registers;
  for (size_t r = 0; r < registers.size(); ++r) {
    if (!loop.assigned[r]) continue;
    assigned[registers[r].kind == Kind::kBox ? parts.boxes + registers[r].index : parts.top + r] = true;
  }
  return assigned;
}

void Lowering::lower_version(const Key& /*key*/, Version& version) {
  version.compiled = true;
  std::vector<std::vector<AbstractValue*>> arriving;
  for (Incoming& incoming : version.incoming)
    arriving.push_back(flatten(incoming.state));
  version.state = version.incoming[0].state;
  for (const Incoming& incoming : version.incoming)
    merge_facts(version.state, incoming.state);

  // What a loop assigns is a parameter at its head, whatever it is on the way in.
  Frame& top = version.state.top();
  const Loop* loop = real_loop_at(top);
  const bool real_loop = loop != nullptr;
  const Parts parts = parts_of(version.state);
  const std::vector<bool> assigned = real_loop ? assigned_in(*loop, version.state) : std::vector<bool>();

  version.block = b_.new_block();
  const auto mine = flatten(version.state);
  version.forced.resize(mine.size());
  version.is_parameter.assign(mine.size(), false);
  std::vector<std::vector<ir::Value>> arguments(version.incoming.size());
  for (size_t i = 0; i < mine.size(); ++i) {
    std::vector<const AbstractValue*> values;
    values.reserve(arriving.size());
    for (const auto& state : arriving)
      values.push_back(state[i]);
    const bool in_loop = real_loop && assigned[i];
    const bool forced =
        version.forced[i] || in_loop || (real_loop && i >= parts.tables && i < parts.boxes && values[0]->is_integer());
    AbstractValue joined;
    if (!join(values, joined, forced)) {
      *mine[i] = joined;
      continue;
    }
    if (in_loop && (joined.kind == Kind::kDynamicString || joined.kind == Kind::kView)) {
      joined.most = PL_FRAME_MAX;
      joined.least = 0;
      if (joined.base != AbstractValue::kHeaders) joined.base = AbstractValue::kUnknown;
    }
    version.is_parameter[i] = true;
    for (size_t k = 0; k < values.size(); ++k)
      append_arguments(joined, *values[k], top, arguments[k]);
    joined.a = b_.add_parameter(version.block);
    if (joined.kind == Kind::kDynamicString || joined.kind == Kind::kView || joined.kind == Kind::kAddress)
      joined.b = b_.add_parameter(version.block);
    *mine[i] = joined;
  }
  if (real_loop) {
    version.loop = Frame::kLoop + ++loops_;
    version.room.before = b_.add_parameter(version.block);
    version.room.used = b_.add_parameter(version.block);
    version.allocations = allocations_;
    for (size_t k = 0; k < version.incoming.size(); ++k) {
      arguments[k].push_back(version.incoming[k].room.before);
      arguments[k].push_back(version.incoming[k].room.used);
    }
    if (!version.strings_before) {
      std::vector<ir::Value>& before = version.strings_before.emplace();
      for (size_t i = 0; i < mine.size(); ++i)
        if (mine[i]->kind == Kind::kDynamicString && !version.is_parameter[i]) before.push_back(mine[i]->a);
    }
  }
  // Views that name the same bytes were joined one by one; facts about them stay per copy.
  for (size_t k = 0; k < version.incoming.size(); ++k) {
    const Incoming& incoming = version.incoming[k];
    function_.blocks[incoming.block].terminator.then = ir::Edge{version.block, std::move(arguments[k])};
  }
  version.incoming.clear();
  version.incoming.shrink_to_fit();
  st_ = version.state;
  b_.switch_to(version.block);
  if (real_loop) {
    st_.elements.clear();  // what comes round again may have changed the map
    version.state.elements.clear();
    function_.blocks[version.block].loop_header = true;
    b_.at(top.callee->code->file, top.callee->code->prototype->line(top.pc));
    const ir::BlockId spent = exhausted();
    function_.blocks[version.block].exhausted = spent;
    burn_fuel(loop->end - loop->begin + 1);
    st_.top().rounds.push_back(loop->begin);
    st_.top().rounds.push_back(version.loop);
  }
  walk();
}

// --- for the handlers

void Lowering::refuse_as_too_large() const {
  const Frame& frame = st_.top();
  throw Refusal{"too-large",
                "the function becomes too large when its calls and loops are written out",
                "use a table look-up or a loop instead of many calls, make loops over constants shorter",
                world_->files()[frame.callee->code->file],
                frame.callee->code->prototype->line(frame.pc),
                true};
}

void Lowering::count_walked(uint64_t steps) {
  if (world_->walked(steps) > kMostWalked) refuse_as_too_large();
}

void Lowering::refuse(std::string code, std::string message, std::string hint) {
  throw Refusal{std::move(code), std::move(message), std::move(hint)};
}

ir::BlockId Lowering::exhausted() {
  const ir::BlockId here = b_.current();
  const ir::BlockId spent = b_.new_block();
  function_.blocks[spent].unlikely = true;
  fail_aside(spent, here, [&] {
    fail(fmt::format("instruction budget spent: {} instructions per packet{}",
                     world_->state().options().limits.call_instructions, target_.kernel ? "" : " (--instructions)"));
  });
  return spent;
}

void Lowering::burn_fuel(uint64_t instructions) {
  const ir::Value left = b_.load(8, b_.slot(), PL_CALL + offsetof(pl_call, fuel));
  const ir::Value rest = b_.sub(left, number(static_cast<int64_t>(instructions)));
  b_.store(8, b_.slot(), PL_CALL + offsetof(pl_call, fuel), rest);
  const ir::BlockId enough = b_.new_block();
  b_.branch(ir::Condition::kSlt, rest, 0, function_.blocks[b_.current()].exhausted, enough);
  b_.switch_to(enough);
}

void Lowering::fail(const std::string& message, ir::Value first, ir::Value second) {
  fail_at(prototype().line(current_pc_), message, first, second);
}

// With the message of what `code` is: 1, 2, ... `codes`.
void Lowering::fail_by(ir::Value code, uint32_t codes, const std::function<std::string(uint32_t)>& message) {
  const uint32_t file = st_.top().callee->code->file;
  const uint32_t line = prototype().line(current_pc_);
  const std::string key = fmt::format("{}:{}:{}", file, line, script::error_message(message(1)));
  const auto [found, inserted] = error_sites_.emplace(key, static_cast<uint32_t>(image_.errors.size()));
  if (inserted) {
    for (uint32_t one = 1; one <= codes; ++one)
      image_.errors.push_back({file, line, script::error_message(message(one))});
  }
  const ir::Value slot = b_.slot();
  b_.store(4, slot, PL_CALL + offsetof(pl_call, error_site), b_.add(code, static_cast<int64_t>(found->second) - 1));
  b_.ret(number(static_cast<int64_t>(PL_ERROR | (uint64_t{line} << PL_LINE_SHIFT))));
  ended_ = true;
}

void Lowering::fail_at(uint32_t line, const std::string& message, ir::Value first, ir::Value second) {
  const uint32_t file = st_.top().callee->code->file;
  const std::string text = script::error_message(message);
  const std::string key = fmt::format("{}:{}:{}", file, line, text);
  auto [found, inserted] = error_sites_.emplace(key, static_cast<uint32_t>(image_.errors.size()));
  if (inserted) image_.errors.push_back({file, line, text});
  const ir::Value slot = b_.slot();
  b_.store(4, slot, PL_CALL + offsetof(pl_call, error_site), number(found->second));
  if (first != ir::kNoValue) b_.store(8, slot, PL_CALL + offsetof(pl_call, error_values), first);
  if (second != ir::kNoValue) b_.store(8, slot, PL_CALL + offsetof(pl_call, error_values) + 8, second);
  b_.ret(number(static_cast<int64_t>(PL_ERROR | (uint64_t{line} << PL_LINE_SHIFT))));
  ended_ = true;
}

AbstractValue Lowering::constant(uint32_t index) const {
  const Constant& constant = prototype().constants[index];
  if (const auto* boolean = std::get_if<bool>(&constant)) return AbstractValue::boolean(*boolean);
  if (const auto* integer = std::get_if<int64_t>(&constant)) return AbstractValue::integer_constant(*integer);
  if (const auto* number = std::get_if<double>(&constant)) return AbstractValue::float_constant(*number);
  if (const auto* text = std::get_if<std::string>(&constant)) return world_->known_text(*text);
  return AbstractValue::nil();
}

ir::Value Lowering::global(int64_t value) {
  const auto found = globals_.find(value);
  if (found != globals_.end()) return found->second;
  const ir::BlockId here = b_.current();
  b_.switch_to(0);
  const ir::Value constant = b_.constant(value);
  b_.switch_to(here);
  globals_[value] = constant;
  return constant;
}

ir::Value Lowering::integer_of(const AbstractValue& value) {
  return value.kind == Kind::kDynamicInteger || value.kind == Kind::kDynamicBoolean ? value.a : number(value.integer);
}

StringParts Lowering::string_of(const AbstractValue& value) {
  if (value.kind == Kind::kDynamicString) return {value.a, value.b, value.most};
  if (value.kind == Kind::kAddress) return string_of(address_text(value));
  const auto length = static_cast<int64_t>(value.string().size());
  return {number(constants_.add(value.string())), number(length), length};
}

AbstractValue Lowering::as_dynamic(const AbstractValue& value) {
  if (value.kind != Kind::kString) return value;
  const StringParts parts = string_of(value);
  AbstractValue result = AbstractValue::dynamic_string(parts.offset, parts.length, parts.most);
  result.least = parts.most;
  return result;
}

ir::Value Lowering::select(ir::Condition condition, ir::Value a, ir::Value b, ir::Value yes, ir::Value no) {
  const ir::BlockId join = b_.new_block(1);
  b_.branch(condition, a, b, ir::Edge{join, {yes}}, ir::Edge{join, {no}});
  b_.switch_to(join);
  return b_.parameters(join)[0];
}

ir::Value Lowering::smaller(ir::Value a, ir::Value b) {
  return select(ir::Condition::kUlt, a, b, a, b);
}

ir::Value Lowering::larger_signed(ir::Value a, ir::Value b) {
  return select(ir::Condition::kSgt, a, b, a, b);
}

ir::Value Lowering::smaller_signed(ir::Value a, ir::Value b) {
  return select(ir::Condition::kSlt, a, b, a, b);
}

std::optional<bool> Lowering::truth(const AbstractValue& value) {
  switch (value.kind) {
    case Kind::kNil:
      return false;
    case Kind::kBoolean:
      return value.integer != 0;
    case Kind::kDynamicBoolean:
      return std::nullopt;
    default:
      return true;
  }
}

std::string Lowering::type_name(const AbstractValue& value) const {
  switch (value.kind) {
    case Kind::kBoolean:
    case Kind::kDynamicBoolean:
      return "boolean";
    case Kind::kInteger:
    case Kind::kDynamicInteger:
    case Kind::kFloat:
      return "number";
    case Kind::kString:
    case Kind::kDynamicString:
    case Kind::kAddress:
      return "string";
    case Kind::kObject: {
      const AbstractValue name = world_->metafield(value.object, "__name");
      return name.kind == Kind::kString ? name.string() : std::string(world_->lua_type_of(value.object));
    }
    case Kind::kView:
      return "data";
    case Kind::kPacket:
      return "pkt";
    case Kind::kTable:
      return "table";
    case Kind::kClosure:
      return "function";
    default:
      return "nil";
  }
}

void Lowering::finish_image() {
  image_.files = world_->files();
  image_.tables = tables_.take();
  image_.constants.assign(constants_.bytes().begin(), constants_.bytes().end());
  image_.worker.assign(static_cast<size_t>(next_worker_offset_ - static_cast<int32_t>(PL_WORKER)), 0);
  for (const Cell& cell : world_->cells()) {
    if (!cell.variable) continue;
    int64_t words[2] = {0, 0};
    if (cell.initial.kind == Kind::kBoolean) {
      words[0] = 1;
      words[1] = cell.initial.integer;
    } else if (cell.initial.kind == Kind::kInteger) {
      words[0] = 2;
      words[1] = cell.initial.integer;
    }
    std::copy_n(reinterpret_cast<const uint8_t*>(words), sizeof words,
                image_.worker.begin() + (cell.offset - static_cast<int32_t>(PL_WORKER)));
  }
}

}  // namespace perilune::compiler
