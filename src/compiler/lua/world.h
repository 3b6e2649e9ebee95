// The script as its main chunk left it: the live Lua state seen as constants.
//
// Every table, function and userdata the compiler meets gets a number (ObjectId) and is kept alive by an anchor in the
// registry. Tables are read raw; nothing of the script runs here, except what evaluate() is asked to call.
//
// A cell is a variable that functions share: an upvalue, a global, a field of a table that the main chunk made. It is a
// constant until the lowering finds an assignment to it; then it becomes a variable of the worker, in the slot's
// memory.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lua.h>

#include "compiler/lowering/lookup_table.h"
#include "compiler/lowering/value.h"
#include "luadata/field.h"
#include "script/maps/map_store.h"
#include "script/state/state.h"

namespace perilune::compiler {

struct Cell {
  AbstractValue initial;
  std::string name;
  bool variable = false;
  std::set<AbstractValue::Kind> kinds;  // that it may hold as a variable: kNil, kBoolean, kInteger
  int32_t offset = 0;                   // in the slot: tag (8 bytes), value (8 bytes)
};

class World {
 public:
  explicit World(script::State& state);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] lua_State* lua() const { return L_; }
  [[nodiscard]] const script::State& state() const { return *state_; }

  /// The value at the top of the Lua stack, popped.
  [[nodiscard]] AbstractValue pop();
  /// Pushes a constant.
  void push(const AbstractValue& value);

  enum class ObjectType : uint8_t { kTable, kLuaFunction, kBuiltin, kField, kMap, kOther };
  [[nodiscard]] ObjectType type_of(ObjectId object) const { return objects_[object].type; }
  /// Lua's name of its type.
  [[nodiscard]] std::string_view lua_type_of(ObjectId object) const { return objects_[object].lua_type; }
  /// "string.match" for a library function; empty for others.
  [[nodiscard]] const std::string& builtin_name(ObjectId object) const { return objects_[object].name; }
  /// Has the function of C no effects, and the same result whenever it is called? One that is no library function and has
  /// upvalues, like the iterator of string.gmatch, may remember something.
  [[nodiscard]] bool is_pure(ObjectId function);
  /// The entry point.
  [[nodiscard]] AbstractValue entry_point();
  /// The live closure's code and upvalues. Fails with what is wrong with its bytecode.
  [[nodiscard]] Result<std::shared_ptr<const Callee>> callee_of(ObjectId function);
  [[nodiscard]] const FunctionCode& code_of(const Prototype& prototype, const std::string& source);
  /// A pointer stable across calls.
  [[nodiscard]] script::Map* map_of(ObjectId object) const { return objects_[object].map; }

  /// table[key], raw; key and result constant.
  [[nodiscard]] AbstractValue raw_get(ObjectId table, const AbstractValue& key);
  /// The metatable's field, nil when there is no metatable.
  [[nodiscard]] AbstractValue metafield(ObjectId object, std::string_view name);
  [[nodiscard]] size_t raw_length(ObjectId table);
  /// What Lua says of tables that refer to each other by __index without end.
  [[nodiscard]] std::string endless_index_message();
  /// The entries whose keys are of the kind, kString or kInteger; null when the table is too large. Made once.
  [[nodiscard]] const LookupTable* lookup_table(ObjectId table, AbstractValue::Kind keys);
  /// The compiled field of a layout, null when it has none of that name. Raises a Lua error text in `problem`.
  [[nodiscard]] const luadata::Field* field_of(ObjectId layout, const AbstractValue& key, std::string& problem);
  /// Has the layout fields whose names are no strings, such as {[1] = {0, 8}}?
  [[nodiscard]] bool has_fields_without_name(ObjectId layout);
  /// A layout field's inner layout.
  [[nodiscard]] ObjectId inner_layout(ObjectId layout, const AbstractValue& key);
  /// What s:name gives for a string s.
  [[nodiscard]] AbstractValue string_method(const std::string& name);
  /// Is it the table of a library (string, data, ...), by whatever name the script knows it?
  [[nodiscard]] bool is_library(ObjectId object);
  /// data.strict, data.strict_segments.
  [[nodiscard]] bool data_option(const char* name);

  /// What the compiler does with constants has limits, all of it together: a few lines can ask for more memory and time
  /// than any machine has.
  enum class Excess : uint8_t { kNone, kMemory, kWork, kResults };
  static constexpr size_t kLongestText = size_t{16} << 20;
  static constexpr int kMostResults = 1000;  // of one call
  /// A text put together of constants. Each long text is kept once, and counted: look at excess() afterwards.
  [[nodiscard]] AbstractValue made_text(std::string text);
  /// The same for a text of the script itself: nothing is counted.
  [[nodiscard]] AbstractValue known_text(std::string_view text);
  /// Has the script asked for too much? Then it must be refused.
  [[nodiscard]] Excess excess() const { return excess_; }

  /// Counts steps of walks over the code of the script; gives the sum, of all walks since the world was made.
  uint64_t walked(uint64_t steps) { return walked_ += steps; }

  struct Evaluation {
    bool failed = false;
    bool spent = false;         // it would take more than a packet may
    bool calls_script = false;  // it would call functions of the script, which belongs to packet time
    std::string error;          // without "file:line: "
    std::vector<AbstractValue> results;
  };
  /// Calls a library function with constants. Functions of the script are not run: it fails where it would call one.
  [[nodiscard]] Evaluation evaluate(const AbstractValue& function, const std::vector<AbstractValue>& arguments);
  /// The library function of that name, as the state has it.
  [[nodiscard]] AbstractValue builtin(const std::string& name);
  /// a `op` b by the real Lua (lua_arith's numbers).
  [[nodiscard]] Evaluation arithmetic(int op, const AbstractValue& a, const AbstractValue& b);
  struct Conversion {
    bool is_number = false;  // a number, or a text that Lua takes for one
    double number = 0;
    std::optional<int64_t> integer;
  };
  /// A constant where a library function wants an integer: '0x10' and 16.0 are 16.
  [[nodiscard]] Conversion to_integer(const AbstractValue& value);
  /// lua_compare; nothing when it raised.
  [[nodiscard]] std::optional<bool> compare(int op, const AbstractValue& a, const AbstractValue& b);

  /// The cell of an upvalue's identity, or of a field of a table.
  [[nodiscard]] uint32_t cell_of_upvalue(const void* id, const AbstractValue& value, const std::string& name);
  [[nodiscard]] uint32_t cell_of_field(ObjectId table, const std::string& key);
  [[nodiscard]] std::optional<uint32_t> existing_cell_of_field(ObjectId table, const std::string& key) const;
  [[nodiscard]] bool has_variable_fields(ObjectId table) const;
  [[nodiscard]] std::vector<Cell>& cells() { return cells_; }

  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }
  uint32_t file_number(const std::string& name);

 private:
  struct Object {
    ObjectType type = ObjectType::kOther;
    std::string_view lua_type;
    std::string name;
    script::Map* map = nullptr;
    int reference = 0;
    std::shared_ptr<const Callee> callee;
  };
  ObjectId object_at(int index);
  [[nodiscard]] PlainConstant plain_at(int index);
  void classify(Object& object, int index);
  [[nodiscard]] AbstractValue keep(std::shared_ptr<const std::string> text);
  /// Counts work on that many bytes of constants, and what was made of them.
  void charge(uint64_t work, uint64_t made);
  void take_results(Evaluation& evaluation, int top);
  static int push_call(lua_State* L);
  [[nodiscard]] bool is_pure_at(int index);
  static void watch(lua_State* L, lua_Debug* activation);

  script::State* state_;
  lua_State* L_;
  int base_;
  std::vector<Object> objects_;
  std::unordered_map<const void*, ObjectId> numbers_;
  std::unordered_map<std::string, ObjectId> builtins_;
  std::map<std::pair<ObjectId, AbstractValue::Kind>, std::unique_ptr<LookupTable>> lookup_tables_;
  std::vector<Cell> cells_;
  std::unordered_map<const void*, uint32_t> upvalue_cells_;
  std::map<std::pair<ObjectId, std::string>, uint32_t> field_cells_;
  std::vector<std::unique_ptr<Prototype>> prototypes_;
  std::unordered_map<const Prototype*, std::unique_ptr<FunctionCode>> codes_;
  std::vector<std::string> files_;
  std::unordered_map<std::string_view, std::shared_ptr<const std::string>> long_texts_;
  uint64_t kept_bytes_ = 0;  // of long_texts_
  uint64_t made_bytes_ = 0;  // those that the compiler made
  uint64_t walked_ = 0;
  uint64_t work_bytes_ = 0;
  std::chrono::nanoseconds work_time_{0};
  Excess excess_ = Excess::kNone;
  uint32_t calls_ = 0;  // by the evaluation under way, itself included
  bool calls_script_ = false;
};

}  // namespace perilune::compiler
