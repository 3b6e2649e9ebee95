// Indexing: constant tables, tables made at packet time, variables shared by functions; the rest goes on to the
// handlers of views, maps and pkt.
//
//   net.protocol.udp          constant all the way
//   most[pkt.version]         few entries: a comparison each, and after it a constant again
//   blocked[name]             many: a look-up in a read-only table (lowering_lookup.cpp)
//   count = count + 1         a variable of the worker: the compiler began again when it met the assignment
#include <algorithm>

#include <fmt/format.h>

#include "compiler/lowering/lowering.h"

namespace perilune::compiler {
namespace {

using Kind = AbstractValue::Kind;

bool is_key(const AbstractValue& key) {
  return key.kind == Kind::kInteger || key.kind == Kind::kString;
}

}  // namespace

Binding Lowering::binding_of(uint32_t upvalue) const {
  return st_.top().callee->bindings[upvalue];
}

// An upvalue that is indexed by name, which is what globals are: fields of _ENV.
AbstractValue Lowering::indexed_upvalue(uint32_t upvalue) {
  const Binding binding = binding_of(upvalue);
  if (binding.boxed) {
    AbstractValue& variable = st_.boxes[binding.index];
    if (variable.kind == Kind::kAddress) variable = address_text(variable);
    return variable;
  }
  const Cell& cell = world_->cells()[binding.index];
  if (cell.variable)
    refuse("variable-table", "a variable that is assigned at packet time is indexed here",
           "keep tables in variables that are not assigned");
  return cell.initial;
}

void Lowering::op_get_upvalue() {
  const Binding binding = binding_of(current_.b());
  if (!binding.boxed) return read_cell(binding.index, current_.a());
  set(current_.a(), st_.boxes[binding.index]);
}

void Lowering::op_set_upvalue() {
  const Binding binding = binding_of(current_.b());
  const AbstractValue value = reg(current_.a());
  if (!binding.boxed) return write_cell(binding.index, value);
  st_.boxes[binding.index] = value;
}

// A cell's tag is 0 nil, 1 boolean, 2 integer. `missing`: what is done where the cell holds nil.
void Lowering::read_cell(uint32_t index, uint32_t result, const std::function<void()>& missing) {
  const Cell& cell = world_->cells()[index];
  const auto read = [&](Kind kind) {
    if (kind == Kind::kNil) return missing ? missing() : set(result, AbstractValue::nil());
    const ir::Value value = b_.load(8, b_.slot(), cell.offset + 8);
    set(result, kind == Kind::kBoolean ? AbstractValue::dynamic_boolean(value) : AbstractValue::dynamic_integer(value));
  };
  if (!cell.variable) return cell.initial.is_nil() ? read(Kind::kNil) : set(result, cell.initial);
  const ir::Value slot = b_.slot();
  if (cell.kinds.size() == 1) return read(*cell.kinds.begin());
  const ir::Value tag = b_.load(8, slot, cell.offset);
  const State before = st_;
  size_t left = cell.kinds.size();
  for (const Kind kind : cell.kinds) {
    if (--left > 0) {
      const ir::BlockId yes = b_.new_block();
      const ir::BlockId no = b_.new_block();
      b_.branch(ir::Condition::kEq, tag, kind == Kind::kNil ? 0 : kind == Kind::kBoolean ? 1 : 2, yes, no);
      resume(yes, before);
      one_outcome([&] { read(kind); });
      resume(no, before);
    } else {
      one_outcome([&] { read(kind); });
    }
  }
}

void Lowering::write_cell(uint32_t index, const AbstractValue& value) {
  Cell& cell = world_->cells()[index];
  const auto kind_of = [](const AbstractValue& v) -> std::optional<Kind> {
    if (v.is_nil()) return Kind::kNil;
    if (v.is_boolean()) return Kind::kBoolean;
    if (v.is_integer()) return Kind::kInteger;
    return std::nullopt;
  };
  const auto kind = kind_of(value);
  const auto initial = kind_of(cell.initial);
  if (!kind.has_value() || !initial.has_value()) {
    const AbstractValue& wrong = kind.has_value() ? cell.initial : value;
    refuse("variable-type",
           fmt::format("the variable '{}' outlives the packet and holds a {}", cell.name, type_name(wrong)),
           "what is kept from packet to packet is an integer, a boolean or nil; keep strings in a map");
  }
  if (!cell.variable || !cell.kinds.contains(*kind)) {
    if (!cell.variable && std::ranges::count_if(world_->cells(), &Cell::variable) >= kMaxVariables) {
      refuse("too-many-variables", fmt::format("more than {} variables outlive a packet", kMaxVariables),
             "use a map.array");
    }
    cell.variable = true;
    cell.kinds.insert(*kind);
    cell.kinds.insert(*initial);
    throw Restart{};
  }
  const ir::Value slot = b_.slot();
  if (cell.kinds.size() > 1)
    b_.store(8, slot, cell.offset, number(*kind == Kind::kNil ? 0 : *kind == Kind::kBoolean ? 1 : 2));
  if (*kind != Kind::kNil) b_.store(8, slot, cell.offset + 8, integer_of(value));
}

void Lowering::op_get(const AbstractValue& object, const AbstractValue& key, uint32_t result, bool named) {
  const AbstractValue base = object;  // the register may be the result's
  switch (base.kind) {
    case Kind::kView:
      return get_from_view(base, key, result);
    case Kind::kPacket:
      return get_from_packet(key, result);
    case Kind::kTable:
      return set(result, from_virtual(base.index, key));
    case Kind::kString:
    case Kind::kDynamicString:
      if (key.kind == Kind::kString) return set(result, world_->string_method(key.string()));
      return set(result, AbstractValue::nil());
    case Kind::kObject:
      switch (world_->type_of(base.object)) {
        case World::ObjectType::kTable:
          return get_from_constant(base.object, key, result);
        case World::ObjectType::kMap:
          return get_from_map(base.object, key, nullptr, result);
        default:
          break;
      }
      break;
    default:
      break;
  }
  refuse_load_time_object(base);
  fail(fmt::format("attempt to index a {} value{}", type_name(base), named ? name_of_value(&object) : std::string()));
}

void Lowering::get_from_constant(ObjectId table, const AbstractValue& key, uint32_t result) {
  if (!key.is_constant()) return look_up(table, key, result);
  if (!get_present(table, key, result, 0)) get_missing(table, key, result);
}

// What stands in the table itself. False: nothing does, and nothing ever will.
bool Lowering::get_present(ObjectId table, const AbstractValue& key, uint32_t result, unsigned hops) {
  if (key.kind == Kind::kString) {
    if (const auto cell = world_->existing_cell_of_field(table, key.string()); cell.has_value()) {
      read_cell(*cell, result, [=, this] { get_missing(table, key, result, hops); });
      return true;
    }
  }
  AbstractValue value = world_->raw_get(table, key);
  if (value.is_nil()) return false;
  set(result, std::move(value));
  return true;
}

// The key is not in the table: what its metatable says, and the metatable of what that refers to. `hops`: how many were
// asked before (luaV_finishget).
void Lowering::get_missing(ObjectId table, const AbstractValue& key, uint32_t result, unsigned hops) {
  for (; hops < kMaxHops; ++hops) {
    const AbstractValue index = world_->metafield(table, "__index");
    if (index.is_nil()) return set(result, AbstractValue::nil());
    if (index.kind == Kind::kObject && world_->lua_type_of(index.object) == "function") {
      Call call;
      call.result = result;
      call.wanted = 1;
      call.on_return = Frame::Return::kIndex;
      return call_value(index, {AbstractValue::object_constant(table), key}, call);
    }
    if (index.kind != Kind::kObject || world_->type_of(index.object) != World::ObjectType::kTable)
      return op_get(index, key, result, false);
    table = index.object;
    if (!key.is_constant()) return look_up(table, key, result, hops + 1);
    if (get_present(table, key, result, hops + 1)) return;
  }
  fail(world_->endless_index_message());
}

// A key that is known only at packet time.
void Lowering::look_up(ObjectId table, const AbstractValue& key, uint32_t result, unsigned hops) {
  if (hops > kMaxDepth) {
    refuse("metamethod", fmt::format("a key from the packet is looked up through more than {} tables by __index", hops),
           "put all entries into one table");
  }
  if (world_->has_variable_fields(table)) {
    refuse("variable-table", "a table whose fields the function assigns is indexed with a key from the packet",
           "use a map for what changes, and a table for what does not");
  }
  if (key.kind == Kind::kDynamicBoolean) {
    const ir::BlockId yes = b_.new_block();
    const ir::BlockId no = b_.new_block();
    b_.branch(ir::Condition::kNe, key.a, 0, yes, no);
    const State before = st_;
    for (const bool truth : {true, false}) {
      resume(truth ? yes : no, before);
      one_outcome([&] {
        const AbstractValue constant = AbstractValue::boolean(truth);
        if (!get_present(table, constant, result, hops)) get_missing(table, constant, result, hops);
      });
    }
    return;
  }
  if (!key.is_integer() && !key.is_string()) return get_missing(table, key, result, hops);
  const LookupTable* entries = world_->lookup_table(table, key.is_string() ? Kind::kString : Kind::kInteger);
  if (entries == nullptr) {
    refuse("too-large", "a table with more than 16 million entries, or more than 256 tables and functions among them",
           "use a map, or integers as values");
  }
  if (entries->entries().empty()) return get_missing(table, key, result, hops);
  const bool plain_index = world_->metafield(table, "__index").is_nil();
  if (entries->is_short() || !plain_index) {
    if (entries->entries().size() > 256)
      refuse("metamethod", "a look-up with a key from the packet in a large table that has __index",
             "use a table without a metatable");
    return look_up_chain(table, entries->entries(), key, result, hops);
  }
  if (key.is_string()) return look_up_strings(*entries, string_of(key), result);
  look_up_integers(*entries, key.a, result);
}

// One comparison after the other; after each the value is a constant.
void Lowering::look_up_chain(ObjectId table, std::span<const TableEntry> entries, const AbstractValue& key,
                             uint32_t result, unsigned hops) {
  const State before = st_;
  // Entries with one value share what follows: their blocks meet in one place with equal states.
  for (const auto& [k, v] : entries) {
    const ir::BlockId yes = b_.new_block();
    const ir::BlockId no = b_.new_block();
    if (key.is_string()) {
      branch_equal(key, k.value(), yes, no);
    } else {
      b_.branch(ir::Condition::kEq, key.a, number(k.integer), yes, no);
    }
    resume(yes, before);
    set(result, v.value());
    outcome();
    resume(no, before);
  }
  one_outcome([&] { get_missing(table, key, result, hops); });
}

void Lowering::op_self() {
  const Instruction i = current_;
  const AbstractValue object = reg(i.b());
  const AbstractValue key = i.k() ? constant(i.c()) : reg(i.c());
  const auto method = [&](std::string name) {
    AbstractValue function;
    function.text = std::make_shared<const std::string>(std::move(name));
    set(i.a() + 1, object);
    set(i.a(), std::move(function));
  };
  if (object.kind == Kind::kView && key.kind == Kind::kString && is_view_method(object, key.string()))
    return method("view:" + key.string());
  if (object.kind == Kind::kObject && world_->type_of(object.object) == World::ObjectType::kMap &&
      !world_->map_of(object.object)->declaration().key.is_string() && key.kind == Kind::kString &&
      (key.string() == "get" || key.string() == "set" || key.string() == "add")) {
    return method("map:" + key.string());
  }
  if (object.kind == Kind::kPacket && key.kind == Kind::kString &&
      (key.string() == "pass" || key.string() == "block" || key.string() == "reject" || key.string() == "reply")) {
    return method("pkt:" + key.string());
  }
  set(i.a() + 1, object);
  op_get(object, key, i.a());
}

void Lowering::op_set(const AbstractValue& object, const AbstractValue& key, const AbstractValue& given) {
  const AbstractValue base = object;
  const AbstractValue value = given;
  switch (base.kind) {
    case Kind::kView:
      return set_in_view(base, key, value);
    case Kind::kPacket:
      return set_in_packet(key, value);
    case Kind::kTable:
      return set_in_virtual(base.index, key, value);
    case Kind::kObject:
      switch (world_->type_of(base.object)) {
        case World::ObjectType::kTable:
          if (key.kind != Kind::kString) {
            refuse("table-write", "a table that the main chunk made is assigned to at packet time",
                   "use a map: it is shared by all workers and outlives a reload");
          }
          if (world_->is_library(base.object))
            refuse("table-write", "a field of a library is assigned at packet time", "set it in the main chunk");
          if (key.string().starts_with("__"))
            refuse("metamethod", "a field of a metatable is assigned at packet time",
                   "set metatables in the main chunk");
          if (!world_->metafield(base.object, "__newindex").is_nil())
            refuse("metamethod", "an assignment that calls a metamethod (__newindex)", "assign a variable instead");
          return write_cell(world_->cell_of_field(base.object, key.string()), value);
        case World::ObjectType::kMap:
          return set_in_map(base.object, key, value);
        default:
          break;
      }
      break;
    default:
      break;
  }
  refuse_load_time_object(base);
  fail(fmt::format("attempt to index a {} value{}", type_name(base), name_of_value(&object)));
}

// Operators call metamethods, which are not compiled.
void Lowering::refuse_metamethod(const AbstractValue& value, const char* name) {
  if (value.kind == Kind::kObject && !world_->metafield(value.object, name).is_nil())
    refuse("metamethod", fmt::format("this operator calls a metamethod ({})", name), "call a function by name");
}

// Data objects of the main chunk are no constants: they can be written to.
void Lowering::refuse_load_time_object(const AbstractValue& value) {
  if (value.kind != Kind::kObject || world_->lua_type_of(value.object) != "userdata") return;
  refuse("load-time-object", "an object that the main chunk made is used at packet time",
         "keep its bytes in a string: tostring(object)");
}

// --- tables made at packet time

void Lowering::op_new_table() {
  const Instruction i = current_;
  ++st_.top().pc;  // the extra argument
  AbstractValue table = AbstractValue::of(Kind::kTable);
  table.index = static_cast<uint32_t>(st_.tables.size());
  st_.tables.emplace_back();
  set(i.a(), std::move(table));
}

void Lowering::op_set_list() {
  const Instruction i = current_;
  const uint32_t count = i.b() != 0 ? i.b() : st_.top().top - i.a() - 1;
  int64_t first = i.c();
  if (i.k()) {
    first += int64_t{prototype().code[st_.top().pc].ax()} << 8;
    ++st_.top().pc;
  }
  const AbstractValue table = reg(i.a());
  for (uint32_t n = 1; n <= count; ++n)
    set_in_virtual(table.index, AbstractValue::integer_constant(first + n), reg(i.a() + n));
}

AbstractValue Lowering::from_virtual(uint32_t table, const AbstractValue& key) {
  if (!is_key(key)) {
    if (key.is_nil() || key.kind == Kind::kBoolean) return AbstractValue::nil();
    refuse("growing-table", "a table made at packet time is indexed with a key from the packet",
           "make the table in the main chunk, or use a map");
  }
  for (const VirtualTable::Entry& entry : st_.tables[table].entries) {
    if (entry.key.kind == key.kind &&
        (key.kind == Kind::kInteger ? entry.key.integer == key.integer : entry.key.string() == key.string()))
      return entry.value;
  }
  return AbstractValue::nil();
}

void Lowering::set_in_virtual(uint32_t table, const AbstractValue& key, const AbstractValue& value) {
  if (key.is_nil()) return fail("index is nil");
  if (!is_key(key)) {
    refuse("growing-table", "a table made at packet time is filled with keys from the packet",
           "make the table in the main chunk, or use a map");
  }
  if (value.kind == Kind::kMatch)
    refuse("growing-table", "the result of a match is put into a table", "use a local variable");
  auto& entries = st_.tables[table].entries;
  for (VirtualTable::Entry& entry : entries) {
    if (entry.key.kind == key.kind &&
        (key.kind == Kind::kInteger ? entry.key.integer == key.integer : entry.key.string() == key.string())) {
      entry.value = value;
      return;
    }
  }
  if (entries.size() >= 64)
    refuse("growing-table", "a table made at packet time grows beyond 64 entries", "use a map, or decide as you go");
  entries.push_back({key, value});
}

int64_t Lowering::length_of_virtual(uint32_t table) const {
  const auto has = [&](int64_t n) {
    return std::ranges::any_of(st_.tables[table].entries, [n](const VirtualTable::Entry& entry) {
      return entry.key.kind == Kind::kInteger && entry.key.integer == n && !entry.value.is_nil();
    });
  };
  int64_t length = 0;
  while (has(length + 1))
    ++length;
  const bool holes = std::ranges::any_of(st_.tables[table].entries, [&](const VirtualTable::Entry& entry) {
    return entry.key.kind == Kind::kInteger && entry.key.integer > length && !entry.value.is_nil();
  });
  if (holes) {
    refuse("table-with-holes", "the length of a table with nil between its values, which Lua leaves open",
           "count the values yourself, or fill the holes with false");
  }
  return length;
}

void Lowering::op_length() {
  const AbstractValue value = reg(current_.b());
  const uint32_t result = current_.a();
  switch (value.kind) {
    case Kind::kString:
      return set(result, AbstractValue::integer_constant(static_cast<int64_t>(value.string().size())));
    case Kind::kDynamicString:
    case Kind::kView:
      return set(result, AbstractValue::dynamic_integer(value.b));
    case Kind::kTable:
      return set(result, AbstractValue::integer_constant(length_of_virtual(value.index)));
    case Kind::kObject:
      if (world_->type_of(value.object) == World::ObjectType::kTable) {
        refuse_metamethod(value, "__len");
        return set(result, AbstractValue::integer_constant(static_cast<int64_t>(world_->raw_length(value.object))));
      }
      if (world_->type_of(value.object) == World::ObjectType::kMap) {
        refuse("map-size", "the number of a map's entries is not known at packet time",
               "count with a map.counter, or keep this script on the lua engine");
      }
      break;
    default:
      break;
  }
  refuse_load_time_object(value);
  fail(fmt::format("attempt to get length of a {} value{}", type_name(value), name_of_value(&reg(current_.b()))));
}

}  // namespace perilune::compiler
