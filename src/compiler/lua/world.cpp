#include "compiler/lua/world.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <lauxlib.h>

#include "compiler/library.h"
#include "luadata/layout.h"
#include "script/state/introspection.h"
#include "script/state/state_internals.h"

namespace perilune::compiler {
namespace {

using Kind = AbstractValue::Kind;

constexpr char kWatcher = 0;                        // its address is the key of the world whose evaluation is under way
constexpr size_t kLongText = 256;                   // shorter ones are copied
constexpr uint64_t kMostMade = uint64_t{32} << 20;  // bytes of texts made of constants, or half of the script's memory
constexpr uint64_t kMostWork = uint64_t{512} << 20;  // bytes read and written for them
constexpr int kMostCallTimes = 5;                    // that all evaluations together may take as long as one packet
// Constants are pushed outside protected calls too, where Lua ends the process when an allocation fails: so the
// script's limit fails none there. It is looked at afterwards (charge()): it may be exceeded by two of the longest
// texts, and by what is small.
constexpr size_t kNoLimit = SIZE_MAX / 2;
constexpr size_t kRoom = 2 * World::kLongestText + (size_t{4} << 20);
constexpr size_t kMaxEntries = size_t{1} << 24;  // of a table looked up at packet time
// Tables and functions among them, each a path of its own: the compiler remembers each one it meets.
constexpr size_t kMaxObjects = 256;

int append(lua_State* /*L*/, const void* bytes, size_t length, void* target) noexcept {
  static_cast<std::string*>(target)->append(static_cast<const char*>(bytes), length);
  return 0;
}

int call_layout(lua_State* L) {
  luadata::compile_layout(L, 1);
  return 0;
}

int do_arithmetic(lua_State* L) {
  const int op = static_cast<int>(lua_tointeger(L, 1));
  lua_remove(L, 1);
  lua_arith(L, op);
  return 1;
}

int do_compare(lua_State* L) {
  const int op = static_cast<int>(lua_tointeger(L, 1));
  lua_pushboolean(L, lua_compare(L, 2, 3, op));
  return 1;
}

// t = setmetatable({}, t); t.__index = t; t.x
int index_endlessly(lua_State* L) {
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pushvalue(L, -1);
  lua_setmetatable(L, -2);
  lua_getfield(L, -1, "x");
  return 0;
}

// Lua puts "file:line: " in front of messages only for Lua functions; C functions called by us have no place.
std::string message_at_top(lua_State* L) {
  const char* text = lua_tostring(L, -1);
  return text == nullptr ? "error" : text;
}

std::chrono::nanoseconds processor_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

World::World(script::State& state) : state_(&state), L_(state.lua()), base_(lua_gettop(L_)) {
  script::StateInternals::of(state).allocator.set_overdraft(kNoLimit);
  objects_.emplace_back();
  lua_checkstack(L_, 64);
  script::push_library_names(L_);
  const int names = lua_gettop(L_);
  lua_pushnil(L_);
  while (lua_istable(L_, names) && lua_next(L_, names) != 0) {
    const std::string name = lua_tostring(L_, -1);
    lua_pop(L_, 1);
    const ObjectId object = object_at(lua_gettop(L_));
    objects_[object].type = ObjectType::kBuiltin;
    objects_[object].name = name;
    builtins_[name] = object;
  }
  lua_settop(L_, base_);
  lua_getfield(L_, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  if (lua_istable(L_, -1)) {
    lua_getfield(L_, -1, "net");
    if (lua_istable(L_, -1)) {
      const int net = lua_gettop(L_);
      lua_pushnil(L_);
      while (lua_next(L_, net) != 0) {
        if (lua_type(L_, -2) == LUA_TSTRING && lua_iscfunction(L_, -1) != 0) {
          const ObjectId object = object_at(lua_gettop(L_));
          objects_[object].type = ObjectType::kBuiltin;
          objects_[object].name = std::string("net.") + lua_tostring(L_, -2);
        }
        lua_pop(L_, 1);
      }
    }
  }
  lua_settop(L_, base_);
}

World::~World() {
  for (const Object& object : objects_) {
    if (object.reference != 0) luaL_unref(L_, LUA_REGISTRYINDEX, object.reference);
  }
  lua_settop(L_, base_);
  script::StateInternals::of(*state_).allocator.set_overdraft(0);
}

void World::classify(Object& object, int index) {
  object.lua_type = luaL_typename(L_, index);
  switch (lua_type(L_, index)) {
    case LUA_TTABLE:
      object.type = ObjectType::kTable;
      break;
    case LUA_TFUNCTION:
      object.type = lua_iscfunction(L_, index) != 0 ? ObjectType::kOther : ObjectType::kLuaFunction;
      break;
    case LUA_TUSERDATA:
      if (luadata::to_field(L_, index) != nullptr) {
        object.type = ObjectType::kField;
      } else if (script::Map* map = script::to_map(L_, index); map != nullptr) {
        object.type = ObjectType::kMap;
        object.map = map;
      }
      break;
    default:
      break;
  }
}

ObjectId World::object_at(int index) {
  index = lua_absindex(L_, index);
  const void* pointer = lua_topointer(L_, index);
  if (const auto found = numbers_.find(pointer); found != numbers_.end()) return found->second;
  const auto number = static_cast<ObjectId>(objects_.size());
  Object& object = objects_.emplace_back();
  classify(object, index);
  lua_pushvalue(L_, index);
  object.reference = luaL_ref(L_, LUA_REGISTRYINDEX);
  numbers_[pointer] = number;
  return number;
}

PlainConstant World::plain_at(int index) {
  PlainConstant constant;
  switch (lua_type(L_, index)) {
    case LUA_TNIL:
    case LUA_TNONE:
      break;
    case LUA_TBOOLEAN:
      constant.kind = Kind::kBoolean;
      constant.integer = lua_toboolean(L_, index);
      break;
    case LUA_TNUMBER:
      constant.kind = lua_isinteger(L_, index) != 0 ? Kind::kInteger : Kind::kFloat;
      constant.integer =
          constant.kind == Kind::kInteger ? lua_tointeger(L_, index) : std::bit_cast<int64_t>(lua_tonumber(L_, index));
      break;
    case LUA_TSTRING: {
      size_t length = 0;
      const char* text = lua_tolstring(L_, index, &length);
      constant.kind = Kind::kString;
      constant.text = {text, length};
      break;
    }
    default:
      constant.kind = Kind::kObject;
      constant.object = object_at(lua_absindex(L_, index));
  }
  return constant;
}

AbstractValue World::pop() {
  const PlainConstant constant = plain_at(-1);
  AbstractValue value = constant.kind == Kind::kString ? known_text(constant.text) : constant.value();
  lua_pop(L_, 1);
  return value;
}

AbstractValue World::keep(std::shared_ptr<const std::string> text) {
  AbstractValue value = AbstractValue::of(Kind::kString);
  if (text->size() > kLongText) {
    const auto [found, inserted] = long_texts_.emplace(*text, text);
    if (inserted) kept_bytes_ += text->size();
    text = found->second;
  }
  value.text = std::move(text);
  return value;
}

AbstractValue World::known_text(std::string_view text) {
  if (text.size() > kLongText) {
    if (const auto found = long_texts_.find(text); found != long_texts_.end()) return keep(found->second);
  }
  return keep(std::make_shared<const std::string>(text));
}

AbstractValue World::made_text(std::string text) {
  const uint64_t size = text.size();
  const uint64_t before = kept_bytes_;
  AbstractValue value = keep(std::make_shared<const std::string>(std::move(text)));
  charge(size, kept_bytes_ - before);
  return value;
}

void World::charge(uint64_t work, uint64_t made) {
  const script::Limits& limits = state_->options().limits;
  made_bytes_ += made;
  work_bytes_ += work;
  const size_t used = script::StateInternals::of(*state_).allocator.used();
  if (made_bytes_ > std::min<uint64_t>(kMostMade, limits.memory / 2) || used > limits.memory + kRoom) {
    excess_ = Excess::kMemory;
  } else if (work_bytes_ > kMostWork || work_time_ > kMostCallTimes * limits.call_time) {
    excess_ = Excess::kWork;
  }
}

void World::push(const AbstractValue& value) {
  lua_checkstack(L_, 8);
  switch (value.kind) {
    case Kind::kBoolean:
      lua_pushboolean(L_, value.integer != 0 ? 1 : 0);
      break;
    case Kind::kInteger:
      lua_pushinteger(L_, value.integer);
      break;
    case Kind::kFloat:
      lua_pushnumber(L_, value.number);
      break;
    case Kind::kString:
      lua_pushlstring(L_, value.string().data(), value.string().size());
      break;
    case Kind::kObject:
      lua_rawgeti(L_, LUA_REGISTRYINDEX, objects_[value.object].reference);
      break;
    default:
      lua_pushnil(L_);
  }
}

AbstractValue World::entry_point() {
  lua_pushglobaltable(L_);
  lua_pushstring(L_, state_->options().function.c_str());
  lua_rawget(L_, -2);
  lua_remove(L_, -2);
  return pop();
}

uint32_t World::file_number(const std::string& name) {
  for (uint32_t i = 0; i < files_.size(); ++i) {
    if (files_[i] == name) return i;
  }
  files_.push_back(name);
  return static_cast<uint32_t>(files_.size() - 1);
}

const FunctionCode& World::code_of(const Prototype& prototype, const std::string& source) {
  auto& code = codes_[&prototype];
  if (!code) {
    code = std::make_unique<FunctionCode>();
    code->prototype = &prototype;
    code->info = analyse(prototype);
    const std::string& name = prototype.source.empty() ? source : prototype.source;
    code->file = file_number(name.starts_with('@') ? name.substr(1) : name);
    code->number = static_cast<uint32_t>(codes_.size());
  }
  return *code;
}

Result<std::shared_ptr<const Callee>> World::callee_of(ObjectId function) {
  if (objects_[function].callee) return objects_[function].callee;
  push(AbstractValue::object_constant(function));
  const int index = lua_gettop(L_);
  std::string dump;
  lua_dump(L_, append, &dump, 0);
  auto parsed = parse_bytecode(dump);
  if (!parsed) {
    lua_settop(L_, index - 1);
    return tl::make_unexpected(parsed.error());
  }
  prototypes_.push_back(std::make_unique<Prototype>(std::move(*parsed)));
  const Prototype& prototype = *prototypes_.back();
  auto callee = std::make_shared<Callee>();
  callee->code = &code_of(prototype, prototype.source);
  for (int n = 1; n <= static_cast<int>(prototype.upvalues.size()); ++n) {
    const char* name = lua_getupvalue(L_, index, n);
    if (name == nullptr) break;
    const void* id = lua_upvalueid(L_, index, n);
    const AbstractValue value = pop();
    callee->bindings.push_back(
        {false, cell_of_upvalue(id, value, prototype.upvalues[static_cast<size_t>(n) - 1].name)});
  }
  lua_settop(L_, index - 1);
  objects_[function].callee = callee;
  return objects_[function].callee;
}

AbstractValue World::raw_get(ObjectId table, const AbstractValue& key) {
  if (key.kind == Kind::kNil) return AbstractValue::nil();
  push(AbstractValue::object_constant(table));
  push(key);
  lua_rawget(L_, -2);
  lua_remove(L_, -2);
  return pop();
}

AbstractValue World::metafield(ObjectId object, std::string_view name) {
  push(AbstractValue::object_constant(object));
  if (lua_getmetatable(L_, -1) == 0) {
    lua_pop(L_, 1);
    return AbstractValue::nil();
  }
  lua_pushlstring(L_, name.data(), name.size());
  lua_rawget(L_, -2);
  lua_remove(L_, -2);
  lua_remove(L_, -2);
  return pop();
}

bool World::is_pure(ObjectId function) {
  push(AbstractValue::object_constant(function));
  const bool pure = is_pure_at(-1);
  lua_pop(L_, 1);
  return pure;
}

bool World::is_pure_at(int index) {
  if (lua_iscfunction(L_, index) == 0) return false;
  const auto known = numbers_.find(lua_topointer(L_, index));
  if (known != numbers_.end() && type_of(known->second) == ObjectType::kBuiltin) {
    const LibraryFunction* function = find_library_function(builtin_name(known->second));
    return function != nullptr && function->pure;
  }
  if (lua_getupvalue(L_, index, 1) == nullptr) return true;
  lua_pop(L_, 1);
  return false;
}

// The hook of evaluate(): nothing of the script runs before there is a packet.
void World::watch(lua_State* L, lua_Debug* activation) {
  if (activation->event == LUA_HOOKCOUNT) return script::count_hook(L, activation);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kWatcher);
  auto* world = static_cast<World*>(lua_touserdata(L, -1));
  lua_pop(L, 1);
  if (world->calls_++ == 0) return;
  lua_getinfo(L, "f", activation);
  const bool pure = world->is_pure_at(-1);
  lua_pop(L, 1);
  if (pure) return;
  world->calls_script_ = true;
  lua_pushliteral(L, "a function of the script would be called");
  lua_error(L);
}

std::string World::endless_index_message() {
  const int top = lua_gettop(L_);
  lua_pushcfunction(L_, index_endlessly);
  std::string message;
  if (lua_pcall(L_, 0, 0, 0) != LUA_OK) message = message_at_top(L_);
  lua_settop(L_, top);
  return message;
}

size_t World::raw_length(ObjectId table) {
  push(AbstractValue::object_constant(table));
  const size_t length = lua_rawlen(L_, -1);
  lua_pop(L_, 1);
  return length;
}

const LookupTable* World::lookup_table(ObjectId table, AbstractValue::Kind keys) {
  auto& known = lookup_tables_[{table, keys}];
  if (known != nullptr) return known.get();
  std::vector<TableEntry> entries;
  push(AbstractValue::object_constant(table));
  const int index = lua_gettop(L_);
  const size_t known_objects = objects_.size();
  const int type = keys == Kind::kString ? LUA_TSTRING : LUA_TNUMBER;
  lua_pushnil(L_);
  while (lua_next(L_, index) != 0) {
    const PlainConstant key = lua_type(L_, index + 1) == type ? plain_at(index + 1) : PlainConstant{};
    if (key.kind == keys) {
      entries.push_back({key, plain_at(index + 2)});
      if (entries.size() > kMaxEntries || objects_.size() > known_objects + kMaxObjects) {
        lua_settop(L_, index - 1);
        return nullptr;
      }
    }
    lua_settop(L_, index + 1);
  }
  lua_settop(L_, index - 1);
  known = std::make_unique<LookupTable>(keys, std::move(entries));
  return known.get();
}

const luadata::Field* World::field_of(ObjectId layout, const AbstractValue& key, std::string& problem) {
  lua_checkstack(L_, 8);
  lua_pushcfunction(L_, call_layout);
  push(AbstractValue::object_constant(layout));
  if (lua_pcall(L_, 1, 0, 0) != LUA_OK) {
    problem = message_at_top(L_);
    lua_pop(L_, 1);
    return nullptr;
  }
  push(AbstractValue::object_constant(layout));
  push(key);
  lua_rawget(L_, -2);
  const luadata::Field* field = luadata::to_field(L_, -1);  // kept alive by the layout, which is anchored
  lua_pop(L_, 2);
  return field;
}

bool World::has_fields_without_name(ObjectId layout) {
  push(AbstractValue::object_constant(layout));
  lua_pushnil(L_);
  while (lua_next(L_, -2) != 0) {
    lua_pop(L_, 1);
    if (lua_type(L_, -1) == LUA_TSTRING) continue;
    lua_pop(L_, 2);
    return true;
  }
  lua_pop(L_, 1);
  return false;
}

ObjectId World::inner_layout(ObjectId layout, const AbstractValue& key) {
  push(AbstractValue::object_constant(layout));
  push(key);
  lua_rawget(L_, -2);
  lua_getiuservalue(L_, -1, 1);
  const AbstractValue inner = pop();
  lua_pop(L_, 2);
  return inner.object;
}

AbstractValue World::string_method(const std::string& name) {
  lua_pushliteral(L_, "");
  AbstractValue method;
  if (lua_getmetatable(L_, -1) != 0) {
    lua_pushliteral(L_, "__index");
    lua_rawget(L_, -2);
    const AbstractValue library = pop();
    lua_pop(L_, 1);
    if (library.kind == Kind::kObject && objects_[library.object].type == ObjectType::kTable)
      method = raw_get(library.object, AbstractValue::string_constant(name));
  }
  lua_pop(L_, 1);
  return method.kind == Kind::kNone ? AbstractValue::nil() : method;
}

bool World::is_library(ObjectId object) {
  push(AbstractValue::object_constant(object));
  const void* const table = lua_topointer(L_, -1);
  lua_getfield(L_, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  bool found = false;
  for (const char* name : {"string", "table", "math", "utf8", "data", "net", "map", "time"}) {
    lua_getfield(L_, -1, name);
    found = found || (lua_istable(L_, -1) && lua_topointer(L_, -1) == table);
    lua_pop(L_, 1);
  }
  lua_pop(L_, 2);
  return found;
}

bool World::data_option(const char* name) {
  lua_getfield(L_, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L_, -1, "data");
  bool set = false;
  if (lua_istable(L_, -1)) {
    lua_pushstring(L_, name);
    lua_rawget(L_, -2);
    set = lua_toboolean(L_, -1) != 0;
    lua_pop(L_, 1);
  }
  lua_pop(L_, 2);
  return set;
}

namespace {
struct PushedCall {
  World* world;
  const AbstractValue* function;
  const std::vector<AbstractValue>* arguments;
};
}  // namespace

// Runs protected: the arguments may be longer than there is memory.
int World::push_call(lua_State* L) {
  const auto* call = static_cast<const PushedCall*>(lua_touserdata(L, 1));
  luaL_checkstack(L, static_cast<int>(call->arguments->size()) + 16, "too many arguments");
  lua_pushlightuserdata(L, call->world);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kWatcher);
  call->world->push(*call->function);
  for (const AbstractValue& argument : *call->arguments)
    call->world->push(argument);
  return static_cast<int>(call->arguments->size()) + 1;
}

World::Evaluation World::evaluate(const AbstractValue& function, const std::vector<AbstractValue>& arguments) {
  Evaluation evaluation;
  if (excess_ != Excess::kNone) {
    evaluation.failed = true;
    return evaluation;
  }
  const int top = lua_gettop(L_);
  lua_checkstack(L_, 8);
  uint64_t bytes = 0;
  for (const AbstractValue& argument : arguments)
    bytes += argument.kind == Kind::kString ? argument.string().size() : 0;
  PushedCall call{this, &function, &arguments};
  script::State::Impl& impl = script::StateInternals::of(L_);
  lua_pushcfunction(L_, push_call);
  lua_pushlightuserdata(L_, &call);
  impl.allocator.set_overdraft(kRoom);
  int status = lua_pcall(L_, 1, LUA_MULTRET, 0);
  if (status == LUA_OK) {
    // Work on constants is bounded as a packet's is: a hostile pattern must not stop the compiler.
    const script::Limits& limits = state_->options().limits;
    calls_ = 0;
    calls_script_ = false;
    const std::chrono::nanoseconds began = processor_time();
    impl.allocator.set_overdraft(0);  // the script's own limit holds for what the function makes
    impl.budget.start(L_, watch, LUA_MASKCALL, limits.call_instructions, limits.call_time);
    status = lua_pcall(L_, static_cast<int>(arguments.size()), LUA_MULTRET, 0);
    evaluation.spent = impl.budget.spent() != script::Budget::Spent::kNo;
    evaluation.calls_script = calls_script_;
    impl.budget.stop(L_);
    work_time_ += processor_time() - began;
  }
  impl.allocator.set_overdraft(kNoLimit);
  charge(bytes, 0);
  evaluation.failed = status != LUA_OK;
  if (status == LUA_ERRMEM && !evaluation.spent) excess_ = Excess::kMemory;
  if (evaluation.failed) {
    evaluation.error = message_at_top(L_);
  } else {
    take_results(evaluation, top);
  }
  lua_settop(L_, top);
  return evaluation;
}

void World::take_results(Evaluation& evaluation, int top) {
  const int count = lua_gettop(L_) - top;
  if (count > kMostResults) excess_ = Excess::kResults;
  const uint64_t before = kept_bytes_;
  uint64_t bytes = 0;
  for (int n = 1; n <= count && excess_ == Excess::kNone; ++n) {
    if (lua_type(L_, top + n) != LUA_TSTRING) continue;
    bytes += lua_rawlen(L_, top + n);
    if (lua_rawlen(L_, top + n) > kLongestText) excess_ = Excess::kMemory;
  }
  if (excess_ != Excess::kNone) return;
  evaluation.results.resize(static_cast<size_t>(count));
  for (size_t n = evaluation.results.size(); n > 0; --n)
    evaluation.results[n - 1] = pop();
  charge(bytes, kept_bytes_ - before);
}

AbstractValue World::builtin(const std::string& name) {
  const auto found = builtins_.find(name);
  return found == builtins_.end() ? AbstractValue::nil() : AbstractValue::object_constant(found->second);
}

World::Evaluation World::arithmetic(int op, const AbstractValue& a, const AbstractValue& b) {
  Evaluation evaluation;
  const int top = lua_gettop(L_);
  lua_pushcfunction(L_, do_arithmetic);
  lua_pushinteger(L_, op);
  push(a);
  const bool unary = op == LUA_OPUNM || op == LUA_OPBNOT;
  if (!unary) push(b);
  evaluation.failed = lua_pcall(L_, unary ? 2 : 3, 1, 0) != LUA_OK;
  if (evaluation.failed) {
    evaluation.error = message_at_top(L_);
  } else {
    evaluation.results.push_back(pop());
  }
  lua_settop(L_, top);
  return evaluation;
}

World::Conversion World::to_integer(const AbstractValue& value) {
  Conversion conversion;
  push(value);
  conversion.is_number = lua_isnumber(L_, -1) != 0;
  conversion.number = lua_tonumber(L_, -1);
  int is_integer = 0;
  const lua_Integer integer = lua_tointegerx(L_, -1, &is_integer);
  if (is_integer != 0) conversion.integer = integer;
  lua_pop(L_, 1);
  return conversion;
}

std::optional<bool> World::compare(int op, const AbstractValue& a, const AbstractValue& b) {
  const int top = lua_gettop(L_);
  lua_pushcfunction(L_, do_compare);
  lua_pushinteger(L_, op);
  push(a);
  push(b);
  std::optional<bool> result;
  if (lua_pcall(L_, 3, 1, 0) == LUA_OK) result = lua_toboolean(L_, -1) != 0;
  lua_settop(L_, top);
  return result;
}

uint32_t World::cell_of_upvalue(const void* id, const AbstractValue& value, const std::string& name) {
  const auto [found, inserted] = upvalue_cells_.emplace(id, static_cast<uint32_t>(cells_.size()));
  if (inserted) {
    Cell& cell = cells_.emplace_back();
    cell.initial = value;
    cell.name = name;
  }
  return found->second;
}

uint32_t World::cell_of_field(ObjectId table, const std::string& key) {
  const auto [found, inserted] = field_cells_.emplace(std::make_pair(table, key), static_cast<uint32_t>(cells_.size()));
  if (inserted) {
    Cell cell;
    cell.initial = raw_get(table, AbstractValue::string_constant(key));
    cell.name = key;
    cells_.push_back(std::move(cell));
  }
  return found->second;
}

std::optional<uint32_t> World::existing_cell_of_field(ObjectId table, const std::string& key) const {
  const auto found = field_cells_.find({table, key});
  if (found == field_cells_.end()) return std::nullopt;
  return found->second;
}

bool World::has_variable_fields(ObjectId table) const {
  const auto first = field_cells_.lower_bound({table, std::string()});
  return first != field_cells_.end() && first->first.first == table;
}

}  // namespace perilune::compiler
