// From the live closure to IR: an abstract interpreter over Lua bytecode.
//
// It walks through the entry point and whatever that calls as the Lua machine would, with abstract values in the
// registers, and appends to the IR what is left to do at packet time. Known calls are walked into, known branches
// taken, library calls on constants evaluated by the real Lua.
//
// Paths and versions. A place in the program is the chain of calls that leads there, the iterations of unrolled loops
// around it, and the instruction. Where several paths reach a place with values of the same types they are joined:
// values that differ become block parameters. Paths with different types get versions of their own (value.h). Places
// are lowered in program order, so that all paths that come from above have arrived before a place is lowered; only the
// back edge of a loop arrives later, and what a loop assigns is made a parameter beforehand.
//
//   local e = seen[k]            two versions after it: e is nil, e is an integer
//   if x then y = 1 else y = 2 end       one version: y is a parameter
//
// Cost: about linear in the code walked. Bounds: kMaxVersions, kMaxBlocks, kMaxDepth, and kMostWalked for all walks
// together; beyond them the script is refused.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/diagnostic.h"
#include "compiler/lowering/state.h"
#include "compiler/lowering/value.h"
#include "compiler/lua/world.h"
#include "compiler/match/match.h"
#include "compiler/target.h"
#include "event/field.h"
#include "event/slot.h"
#include "ir/code.h"
#include "ir/form/ir.h"
#include "ir/generate/table_pool.h"
#include "packet/record.h"
#include "script/maps/map_store.h"

namespace perilune::compiler {

struct LibraryFunction;

/// What cannot be compiled. Never leaves the compiler.
struct Refusal {
  std::string code;
  std::string message;
  std::string hint;
  std::string file{};  // with the line: where, when that is not the instruction under way
  uint32_t line = 0;
  bool final = false;  // nothing more is looked at: the script asks for more than the compiler is willing to do
};

/// An assumption did not hold (a cell is assigned after all): begin again.
struct Restart {};

/// Bytes of constant strings, at PL_CONSTANTS of every slot.
class ConstantPool {
 public:
  /// The offset in the slot.
  int64_t add(const std::string& text);
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::unordered_map<std::string, int64_t> offsets_;
};

/// Parts of the slot as signed numbers, which is what the builder takes for constants.
inline constexpr int64_t kFrame = PL_FRAME;
inline constexpr int64_t kStrings = PL_STRINGS;

/// Fixed places in the slot's scratch area.
inline constexpr int32_t kKeyScratch = PL_SCRATCH;            // a map's key: up to 520 bytes
inline constexpr int32_t kValueScratch = PL_SCRATCH + 0x240;  // a map's value: up to 1,040 bytes
inline constexpr int32_t kStringTop = PL_SCRATCH + 0x7f8;     // bytes used at PL_STRINGS
inline constexpr int32_t kEventScratch = PL_SCRATCH + 0x800;  // an event, up to kMaxEvent bytes
inline constexpr int64_t kMaxEvent = 0x1f00;
inline constexpr int32_t kMatchArea = PL_SCRATCH + 0x2700;  // registers of matches, 1,024 bytes
static_assert(kMatchArea + 1024 <= static_cast<int32_t>(PL_REJECTS_AT));
inline constexpr int64_t kAll = int64_t{1} << 32;  // of State::pulled: the whole frame
inline constexpr int64_t kLongestMade = 4096;      // strings a filter makes
inline constexpr uint32_t kStringsSize = 0x2400;   // all of them together, at PL_STRINGS
inline constexpr int32_t kWorkspace = PL_STRINGS + kStringsSize;
inline constexpr uint32_t kWorkspaceSize = PL_STRINGS_SIZE - kStringsSize;
inline constexpr int64_t kGmatchMark = INT64_MIN + 17;  // key of the pattern in the iterator of gmatch

/// What a pattern says of one of its captures.
struct CaptureFacts {
  bool digits = true;  // nothing but decimal digits
  int64_t most = 0;    // no longer than this
};

struct StringParts {
  ir::Value offset;
  ir::Value length;
  int64_t most;
};

class Lowering {
 public:
  Lowering(World& world, const Target& target);

  /// Lowers the entry point. Throws Restart. What was refused is in diagnostics().
  void run();

  [[nodiscard]] const Diagnostics& diagnostics() const { return diagnostics_; }
  [[nodiscard]] ir::Function& function() { return function_; }
  /// Everything but the code.
  [[nodiscard]] ir::Image& image() { return image_; }
  [[nodiscard]] const std::vector<script::Map*>& maps() const { return maps_; }
  void finish_image();

 private:
  using Kind = AbstractValue::Kind;
  using Values = std::vector<AbstractValue>;

  /// At the head of a loop.
  struct StringRoom {
    ir::Value before = ir::kNoValue;  // what was used at PL_STRINGS before the loop
    ir::Value used = ir::kNoValue;    // what is used now
  };
  struct MovedString {
    ir::Value from;
    ir::Value length;
    ir::Value to;
  };
  struct Incoming {
    ir::BlockId block;
    State state;
    StringRoom room;
  };
  struct Version {
    std::string shape;
    bool compiled = false;
    std::vector<Incoming> incoming;
    State state;
    ir::BlockId block = 0;
    std::vector<bool> is_parameter;  // by position in the flattened state
    std::vector<bool> forced;        // positions that must become parameters
    // Of the head of a loop.
    uint32_t loop = 0;         // its number in Frame::rounds; 0: no loop
    StringRoom room;           // parameters
    uint32_t allocations = 0;  // allocations_ when it was lowered
    /// Places of strings from before the loop, which stay there. Nothing until it is lowered, if it was not begun at
    /// the end of an iteration that had begun at another version.
    std::optional<std::vector<ir::Value>> strings_before;
  };
  using Key = std::vector<uint32_t>;
  struct Outcome {
    ir::BlockId block;
    State state;
  };
  /// A call of a library function under way.
  struct Call {
    std::string name;  // "string.byte"
    Values arguments;
    int32_t wanted = 1;   // results; -1: all
    uint32_t result = 0;  // first register for them
    uint32_t pc = 0;      // of the instruction that calls
    Frame::Return on_return = Frame::Return::kCall;

    [[nodiscard]] const AbstractValue& argument(size_t i) const {
      static const AbstractValue none;
      return i < arguments.size() ? arguments[i] : none;
    }
    [[nodiscard]] bool missing(size_t i) const { return i >= arguments.size(); }
    [[nodiscard]] bool none_or_nil(size_t i) const { return missing(i) || arguments[i].is_nil(); }
  };
  using Handler = void (Lowering::*)(Call&);

  // --- lowering.cpp: paths and versions
  void transfer();
  void lower_version(const Key& key, Version& version);
  [[nodiscard]] static const Loop* real_loop_at(const Frame& frame);
  [[nodiscard]] static std::vector<bool> assigned_in(const Loop& loop, State& state);
  void walk();
  void step();
  [[nodiscard]] Key key_of(const State& state) const;
  [[nodiscard]] bool join(const std::vector<const AbstractValue*>& values, AbstractValue& joined, bool forced);
  [[nodiscard]] bool arrives(Version& version, State& state, std::vector<ir::Value>& arguments);
  /// `place`: where the paths meet.
  void append_arguments(const AbstractValue& joined, const AbstractValue& value, const Frame& place,
                        std::vector<ir::Value>& arguments);
  [[nodiscard]] ir::Value string_top() { return b_.load(8, b_.slot(), kStringTop); }
  [[nodiscard]] StringRoom end_iteration(Version& version);
  [[nodiscard]] static std::vector<MovedString> strings_to_move(const Version& version,
                                                                const std::vector<AbstractValue*>& values);
  [[nodiscard]] int64_t constant_met(const std::string& text, const Frame& place);
  void merge_facts(State& into, const State& from) const;

  // --- for the handlers
  void outcome() { outcomes_.push_back({b_.current(), st_}); }
  /// Continues in another block with the state as it was.
  void resume(ir::BlockId block, const State& state) {
    st_ = state;
    b_.switch_to(block);
  }
  /// Carries out what goes on here, on a path beside others: it makes outcomes of its own, or ends, or this is one.
  template <typename On>
  void one_outcome(On on) {
    const size_t so_far = outcomes_.size();
    on();
    if (!ended_ && outcomes_.size() == so_far) outcome();
    ended_ = false;
  }
  /// Carries `on(true)` out in one block and `on(false)` in the other, each with the state as it is: two outcomes.
  template <typename On>
  void two_outcomes(ir::BlockId yes, ir::BlockId no, On on) {
    const State before = st_;
    for (const bool truth : {true, false}) {
      resume(truth ? yes : no, before);
      on(truth);
      outcome();
    }
  }
  /// Ends a path aside, in block `bad`, with what `failing` emits; the one under way goes on in `good`.
  template <typename Failing>
  void fail_aside(ir::BlockId bad, ir::BlockId good, Failing failing) {
    const State before = st_;
    const bool was_ended = ended_;
    b_.switch_to(bad);
    failing();
    ended_ = was_ended;
    resume(good, before);
  }
  [[noreturn]] static void refuse(std::string code, std::string message, std::string hint);
  [[noreturn]] void refuse_as_too_large() const;
  /// Refuses when the walks have taken more than they may.
  void count_walked(uint64_t steps);
  /// A script error: this path ends.
  void fail(const std::string& message, ir::Value first = ir::kNoValue, ir::Value second = ir::kNoValue);
  void fail_by(ir::Value code, uint32_t codes, const std::function<std::string(uint32_t)>& message);
  void fail_at(uint32_t line, const std::string& message, ir::Value first = ir::kNoValue,
               ir::Value second = ir::kNoValue);
  [[nodiscard]] std::string as_called(const Call& call, const std::string& message) const;
  void fail_argument(const Call& call, size_t argument, const std::string& problem);
  void fail_type(const Call& call, size_t argument, const std::string& expected);
  [[nodiscard]] AbstractValue& reg(uint32_t index) { return st_.value_of(index); }
  void set(uint32_t index, AbstractValue value) { st_.value_of(index) = std::move(value); }
  [[nodiscard]] const Prototype& prototype() const { return *st_.top().callee->code->prototype; }
  [[nodiscard]] AbstractValue constant(uint32_t index) const;
  [[nodiscard]] Instruction instruction() const { return current_; }
  ir::Value number(int64_t value) { return b_.constant(value); }
  /// A constant that dominates everything.
  ir::Value global(int64_t value);
  [[nodiscard]] ir::Value integer_of(const AbstractValue& value);
  [[nodiscard]] StringParts string_of(const AbstractValue& value);
  [[nodiscard]] AbstractValue as_dynamic(const AbstractValue& value);
  ir::Value at(ir::Value offset) { return b_.offset(b_.slot(), offset, PL_SLOT_MASK); }
  ir::Value header(int32_t field) { return b_.load(4, b_.slot(), static_cast<int32_t>(PL_RECORD) + field); }
  /// min, max of unsigned numbers.
  ir::Value smaller(ir::Value a, ir::Value b);
  ir::Value larger_signed(ir::Value a, ir::Value b);
  ir::Value smaller_signed(ir::Value a, ir::Value b);
  ir::Value select(ir::Condition condition, ir::Value a, ir::Value b, ir::Value yes, ir::Value no);
  /// Is the value true in a condition? Nothing: only known at packet time (a dynamic boolean).
  [[nodiscard]] static std::optional<bool> truth(const AbstractValue& value);
  [[nodiscard]] std::string type_name(const AbstractValue& value) const;
  [[nodiscard]] ir::BlockId exhausted();
  void burn_fuel(uint64_t instructions);

  // --- lowering_control.cpp
  void op_jump(int64_t target);
  void op_test();
  void op_test_set();
  void op_not();
  void op_compare();
  void conditional_jump(ir::Condition condition, ir::Value a, ir::Value b, bool k);
  void decided(bool condition, bool k);
  void op_for_prep();
  void fail_for(const AbstractValue& limit, const AbstractValue& step, const AbstractValue& start);
  std::optional<AbstractValue> for_limit(const AbstractValue& limit, const AbstractValue& step);
  void op_for_loop();
  void op_tfor_prep();
  [[nodiscard]] bool is_library_iterator(const AbstractValue& function);
  void op_tfor_call();
  void op_tfor_loop();
  void compare_equal(const AbstractValue& a, const AbstractValue& b, bool k);
  void compare_order(const AbstractValue& a, const AbstractValue& b, bool or_equal, bool k);
  void compare_numbers(ir::Condition condition, const AbstractValue& a, const AbstractValue& b, bool k);

  // --- lowering_arithmetic.cpp
  void op_arithmetic();
  void arithmetic(int op, const AbstractValue& a, const AbstractValue& b, uint32_t result);
  void op_unary_minus();
  void op_bitwise_not();
  void fail_operand(bool bitwise, const AbstractValue& wrong);
  void divide(bool modulo, const AbstractValue& a, const AbstractValue& b, uint32_t result);
  void shift(bool left, const AbstractValue& a, const AbstractValue& b, uint32_t result);

  // --- lowering_calls.cpp
  void op_call(bool tail);
  void op_return(uint32_t first, int32_t count);
  void op_closure();
  [[nodiscard]] Binding capture(uint32_t register_index);
  void op_vararg();
  void op_close();
  void call_value(const AbstractValue& function, Values arguments, Call call);
  void enter(std::shared_ptr<const Callee> callee, Values arguments, const Call& call);
  void deliver(Frame::Return kind, uint32_t result, int32_t wanted, const Values& results);
  void return_from(const Values& results);
  void verdict(const Values& results);
  void finish(const Call& call, const Values& results);
  void return_verdict(uint64_t verdict);
  [[nodiscard]] static std::string describe_string(std::string_view text);

  // --- lowering_tables.cpp
  void op_get_upvalue();
  void op_set_upvalue();
  /// `named`: the object is what the instruction under way indexes, so that messages can name it.
  void op_get(const AbstractValue& object, const AbstractValue& key, uint32_t result, bool named = true);
  void op_set(const AbstractValue& object, const AbstractValue& key, const AbstractValue& value);
  void op_self();
  void op_new_table();
  void op_set_list();
  void op_length();
  [[nodiscard]] int64_t length_of_virtual(uint32_t table) const;
  void refuse_load_time_object(const AbstractValue& value);
  void refuse_metamethod(const AbstractValue& value, const char* name);
  void read_cell(uint32_t cell, uint32_t result, const std::function<void()>& missing = {});
  void write_cell(uint32_t cell, const AbstractValue& value);
  void get_from_constant(ObjectId table, const AbstractValue& key, uint32_t result);
  [[nodiscard]] bool get_present(ObjectId table, const AbstractValue& key, uint32_t result, unsigned hops);
  void get_missing(ObjectId table, const AbstractValue& key, uint32_t result, unsigned hops = 0);
  void look_up(ObjectId table, const AbstractValue& key, uint32_t result, unsigned hops = 0);
  void look_up_chain(ObjectId table, std::span<const TableEntry> entries, const AbstractValue& key, uint32_t result,
                     unsigned hops);
  [[nodiscard]] AbstractValue from_virtual(uint32_t table, const AbstractValue& key);
  void set_in_virtual(uint32_t table, const AbstractValue& key, const AbstractValue& value);
  [[nodiscard]] Binding binding_of(uint32_t upvalue) const;
  [[nodiscard]] AbstractValue indexed_upvalue(uint32_t upvalue);

  // --- lowering_lookup.cpp: large constant tables
  void look_up_strings(const LookupTable& table, const StringParts& key, uint32_t result);
  void look_up_integers(const LookupTable& table, ir::Value key, uint32_t result);
  void finish_lookup(const LookupTable& table, ir::BlockId found, ir::BlockId absent, const State& before,
                     uint32_t result);
  void found_value(const LookupTable& table, ir::Value index, uint32_t result);

  // --- lowering_strings.cpp
  /// Goes on in two blocks: the strings are equal, or not.
  void branch_equal(const AbstractValue& a, const AbstractValue& b, ir::BlockId yes, ir::BlockId no);
  void branch_memory_equal(ir::Value x, ir::Value y, ir::Value length, ir::BlockId yes, ir::BlockId no);
  void make_loop(ir::BlockId head);
  struct ByteLoop {
    ir::BlockId head;
    ir::Value done;
    ir::BlockId end;
  };
  /// A loop over `length` bytes: goes on in its body, which jumps back to `head` with how many are done then. Behind
  /// the last it goes to `end`: a new block, if none is given.
  [[nodiscard]] ByteLoop loop_over(ir::Value length, std::optional<ir::BlockId> end = std::nullopt);
  [[nodiscard]] std::string argument_message(const Call& call, size_t argument, const std::string& problem) const;
  ir::Value start_position(const AbstractValue& position, const StringParts& text);
  ir::Value end_position(const AbstractValue& position, const StringParts& text);
  void branch_bytes_equal(ir::Value pointer, std::string_view bytes, ir::BlockId yes, ir::BlockId no);
  void op_concat();
  AbstractValue text_of_number(const AbstractValue& number);
  ir::Value compare_strings(const AbstractValue& a, const AbstractValue& b);
  ir::Value allocate_string(ir::Value length);
  [[nodiscard]] ir::Value move_strings(std::vector<MovedString>& strings, ir::Value before, ir::Value used,
                                       ir::BlockId no_room);
  /// Copies in steps of 8 bytes: after the `length` bytes asked for, up to 7 more are copied with them.
  void copy_bytes(ir::Value to, ir::Value from, ir::Value length) { copy(8, to, from, length); }
  /// Copies `length` bytes and touches no other.
  void copy_exactly(ir::Value to, ir::Value from, ir::Value length) { copy(1, to, from, length); }
  void copy(unsigned unit, ir::Value to, ir::Value from, ir::Value length);
  [[nodiscard]] AbstractValue text_of_integer(ir::Value integer);
  [[nodiscard]] AbstractValue put_together(std::vector<AbstractValue> parts);
  void call_byte(Call& call);
  void call_sub(Call& call);
  void call_len(Call& call);
  void call_lower(Call& call);
  void call_upper(Call& call);
  void map_case(Call& call, bool lower);
  void call_char(Call& call);
  void call_tostring(Call& call);
  void call_tonumber(Call& call);
  [[nodiscard]] bool string_argument(const Call& call, size_t index, AbstractValue& value);
  [[nodiscard]] bool integer_argument(const Call& call, size_t index, AbstractValue& value);

  // --- lowering_format.cpp
  void call_format(Call& call);
  [[nodiscard]] std::optional<AbstractValue> formatted(const Call& call, size_t argument,
                                                       const std::string& conversion);
  [[nodiscard]] std::optional<AbstractValue> formatted_constant(const Call& call, size_t argument,
                                                                const std::string& conversion,
                                                                const AbstractValue& value);
  [[nodiscard]] AbstractValue hexadecimal(ir::Value integer, unsigned least, bool upper);

  // --- lowering_match.cpp
  void call_find(Call& call);
  void call_match(Call& call);
  void call_gmatch(Call& call);
  void gmatch_next(uint32_t table, Call& call);
  void start_match(Call& call, bool find);
  [[nodiscard]] bool match_init(const Call& call, const StringParts& subject, ir::Value& init);
  [[nodiscard]] Values match_results(bool find, const AbstractValue& text, const StringParts& parts,
                                     const MatchBlocks& blocks, const std::vector<CaptureFacts>& facts);
  void match_now(const Call& call, bool find);
  void force_match(uint32_t reg_index);
  void test_match(const AbstractValue& match, const std::string* equals, ir::BlockId& yes, ir::BlockId& no);

  // --- lowering_views.cpp
  void get_from_view(const AbstractValue& view, const AbstractValue& key, uint32_t result);
  void set_in_view(const AbstractValue& view, const AbstractValue& key, const AbstractValue& value);
  [[nodiscard]] bool is_view_method(const AbstractValue& view, const std::string& name);
  void call_segment(Call& call);
  void call_layout(Call& call);
  void call_accessor(Call& call, const std::string& name);
  void call_data_layout(Call& call);
  void read_view_field(const AbstractValue& view, const luadata::Field& field, const AbstractValue& key,
                       uint32_t result);
  void write_view_field(const AbstractValue& view, const luadata::Field& field, const AbstractValue& key,
                        const AbstractValue& value);
  void unknown_view_field(const AbstractValue& view, const AbstractValue& key, bool write, uint32_t result);
  ir::Value load_field(const luadata::Field& field, ir::Value pointer);
  void store_field(const luadata::Field& field, ir::Value pointer, ir::Value value);
  /// Branches on whether bytes [.., end) are there; records on the good path that they are. No block when it is known.
  void view_reaches(AbstractValue& view, int64_t end, ir::BlockId& inside, ir::BlockId& outside, bool& always);
  void know_most(ir::Condition condition, ir::Value a, ir::Value b);
  void know_length(const AbstractValue& view, int64_t least);
  /// Makes sure that bytes [.., end) of the view are in the slot (end < 0: all of it).
  void ensure_bytes(const AbstractValue& view, int64_t end);
  [[nodiscard]] ir::Value payload_end(int64_t length);
  void refuse_dynamic_field(const AbstractValue& view, const AbstractValue& key);
  void writes_to_packet();
  void before_write(ir::Value begin, ir::Value end, bool may_be_empty = false);
  void cut_views();
  void replace_payload(const AbstractValue& value);
  [[nodiscard]] AbstractValue view_text(const AbstractValue& view);
  AbstractValue headers_view();
  ir::Value load_byte(ir::Value start, const AbstractValue& index);
  [[nodiscard]] bool whole_number(const AbstractValue& value, const AbstractValue& key, AbstractValue& whole);
  [[nodiscard]] bool write_text(const AbstractValue& view, int64_t offset, int64_t room, const AbstractValue& key,
                                const AbstractValue& value);
  [[nodiscard]] bool write_address(const AbstractValue& view, const luadata::Field& field, const AbstractValue& key,
                                   const AbstractValue& value);
  /// An address of the packet as a new string: "192.0.2.1".
  /// Is it a string of 4 or of 16 bytes for sure?
  [[nodiscard]] static bool is_address(const AbstractValue& text);
  /// The text of a value of kind kAddress.
  [[nodiscard]] AbstractValue address_text(const AbstractValue& address);
  [[nodiscard]] ir::Value mac_text(ir::Value bytes);
  [[nodiscard]] ir::Value ipv4_text(ir::Value bytes, ir::Value place, ir::Value position);
  [[nodiscard]] ir::Value ipv6_text(ir::Value first, ir::Value second, ir::Value place);
  [[nodiscard]] ir::Value hexadecimal_digits(ir::Value group);
  [[nodiscard]] AbstractValue read_address(const luadata::Field& field, ir::Value pointer);
  [[nodiscard]] static std::optional<std::array<uint64_t, 2>> address_words(const std::string& text, uint32_t kind);

  // --- lowering_packet.cpp
  void get_from_packet(const AbstractValue& key, uint32_t result);
  void set_in_packet(const AbstractValue& key, const AbstractValue& value);
  [[nodiscard]] bool get_known_at_load(const std::string& name, uint32_t result);
  [[nodiscard]] AbstractValue record_address(const event::Field& field);
  [[nodiscard]] AbstractValue record_region(const event::Field& field);
  [[nodiscard]] AbstractValue record_value(const event::Field& field);
  void record_word(const event::Field& field, uint32_t result);

  // --- lowering_maps.cpp
  void get_from_map(ObjectId map, const AbstractValue& key, const Call* call, uint32_t result);
  void set_in_map(ObjectId map, const AbstractValue& key, const AbstractValue& value);
  void call_map(Call& call, const std::string& method);
  void map_add(Call& call, ObjectId object);
  [[nodiscard]] uint32_t map_number(script::Map& map);
  /// What is being encoded, for messages; `absent`: where a key goes that cannot be there, 0: it is an error.
  struct MapRole {
    bool is_key;
    int part;  // of a composite, from 1; 0: the whole
    ir::BlockId absent;
  };
  /// Writes the key to kKeyScratch. False: the script has failed on this path.
  [[nodiscard]] bool encode_key(script::Map& map, const AbstractValue& key, ir::BlockId absent);
  [[nodiscard]] bool encode_parts(script::Map& map, const script::Shape& shape, const AbstractValue& value, int32_t to,
                                  MapRole role);
  [[nodiscard]] bool encode_scalar(script::Map& map, const script::ShapePart& part, const AbstractValue& value,
                                   int32_t to, const MapRole& role);
  [[nodiscard]] bool encode_address(script::Map& map, const MapRole& role, script::Scalar type,
                                    const AbstractValue& value, int32_t family_at, int32_t to, ir::Value* family);
  void fail_map(script::Map& map, const MapRole& role, const AbstractValue& value, const std::string& expected);
  [[nodiscard]] std::string describe_for_map(const AbstractValue& value) const;
  void copy_masked(ir::Value to, ir::Value from, ir::Value length);
  [[nodiscard]] AbstractValue decode_scalar(const script::ShapePart& part, int32_t from);
  [[nodiscard]] AbstractValue decode_value(script::Map& map, int32_t from);
  void map_find(script::Map& map, ir::BlockId found, ir::BlockId absent, ir::BlockId expired, uint8_t kept = 0);
  [[nodiscard]] std::string identity_of(const AbstractValue& key) const;
  [[nodiscard]] uint8_t place_for_element(const script::Map& map, uint32_t index, const std::string& key);
  void forget_elements(uint32_t map);
  /// m[k] = v where the element of k has been looked up: a store into it, if it is there. False: it has not.
  bool store_in_element(script::Map& map, uint32_t index, const AbstractValue& key, const AbstractValue& value);
  [[nodiscard]] bool is_reached(ir::BlockId block) const;
  [[nodiscard]] int32_t value_at(const script::Map& map) const;
  void store_in_map(script::Map& map, uint32_t index, const AbstractValue& key, const AbstractValue& value);
  void clear_padding(int32_t place, size_t size);
  void check_full(script::Map& map, ir::Value result);
  ir::Value wrapped(const script::ShapePart& part, ir::Value sum);
  ir::Value now();

  // --- lowering_library.cpp
  void call_type(Call& call);
  void call_select(Call& call);
  void call_error(Call& call);
  void call_assert(Call& call);
  void call_log(Call& call);
  void call_print(Call& call);
  void call_now(Call& call);
  void call_seconds(Call& call);
  void call_random(Call& call);
  void call_min(Call& call);
  void call_max(Call& call);
  void call_abs(Call& call);
  void call_tointeger(Call& call);
  void call_math_type(Call& call);
  void call_ult(Call& call);
  void call_rawlen(Call& call);
  void call_rawequal(Call& call);
  void call_rawget(Call& call);
  void call_unpack(Call& call);
  void call_identity(Call& call);
  void call_ipairs(Call& call);
  void call_pairs(Call& call);
  void min_or_max(Call& call, bool max);
  void emit_log(const std::string& text, const Values& arguments);
  [[nodiscard]] bool check_format(const Call& call, const std::string& format, Values& values);
  void call_net_ip(Call& call);
  void call_net_mac(Call& call);
  bool address_argument(Call& call, AbstractValue& bytes);
  /// Continues where bytes.b is one of the lengths; elsewhere the script fails, and the message has the length.
  void require_length(const Call& call, const AbstractValue& bytes, std::initializer_list<int64_t> lengths,
                      const std::string& problem);
  void call_library(Call& call, ObjectId function);
  /// Refuses what the script may not do while it is compiled, and what would take too much.
  void check_evaluation(const World::Evaluation& evaluation, const std::string& name);
  void check_constants();
  struct LibraryRow;
  [[nodiscard]] static const LibraryRow* find_library_row(std::string_view name);
  friend const LibraryFunction* find_library_function(std::string_view name);

  // --- names.cpp
  /// " (local 'x')", as Lua's own messages have it.
  [[nodiscard]] std::string name_of_register(uint32_t reg) const;
  /// What the function called at `pc` is there, and its name; empty when it has none.
  struct CallName {
    std::string kind;
    std::string name;
  };
  [[nodiscard]] CallName name_of_call(uint32_t pc) const;
  [[nodiscard]] std::string name_of_value(const AbstractValue* value) const;

  World* world_;
  Target target_;
  ir::Function function_;
  ir::Builder b_{function_};
  ir::Image image_;
  ConstantPool constants_;
  ir::TablePool tables_;
  std::vector<script::Map*> maps_;
  std::unordered_map<int64_t, ir::Value> globals_;
  struct LookupPlace {
    uint32_t slots;
    uint32_t records;
    size_t records_size;
  };
  std::unordered_map<const LookupTable*, uint32_t> lookup_tables_;  // place + 1
  std::vector<LookupPlace> lookup_places_;
  Diagnostics diagnostics_;
  std::map<std::string, uint32_t> error_sites_;
  std::map<Key, std::vector<std::unique_ptr<Version>>> versions_;
  std::map<Key, std::vector<Version*>> pending_;
  size_t version_count_ = 0;
  std::set<const FunctionCode*> recursive_;  // called too deep once: not entered from within itself again
  std::vector<KeptElement> kept_;            // all places for elements of maps
  uint32_t views_ = 0;                       // made so far
  uint32_t loops_ = 0;
  uint32_t allocations_ = 0;  // of strings, written so far
  State st_;
  std::vector<Outcome> outcomes_;
  bool ended_ = false;
  Instruction current_;
  uint32_t current_pc_ = 0;
  uint32_t return_line_ = 0;  // of the innermost return under way
  int32_t next_worker_offset_ = PL_WORKER;

  struct PendingMatch {
    bool find = false;
    Call call;
  };
  std::vector<PendingMatch> matches_;

  static constexpr int32_t kVariableBytes = 16;  // of the slot's worker area: see Cell::offset
  static constexpr int32_t kMaxVariables = static_cast<int32_t>(PL_SPILL - PL_WORKER) / kVariableBytes;
  static constexpr size_t kMaxVersionsOfPlace = 32;
  static constexpr size_t kMaxVersions = 100000;
  static constexpr size_t kMaxBlocks = 400000;
  static constexpr size_t kMaxDepth = 100;
  // In instructions and in values compared where paths meet: a function that calls itself twice asks for powers of two.
  static constexpr uint64_t kMostWalked = 16'000'000;
  static constexpr unsigned kMaxHops = 2000;  // from table to table by __index (MAXTAGLOOP of Lua)
  static constexpr uint64_t kMaxRounds = 1024;
};

}  // namespace perilune::compiler
