// Methods of data views: segment, layout, and the accessors (getuint16, setstring...).
#include <cstring>

#include <fmt/format.h>

#include "compiler/lowering/lowering.h"
#include "compiler/lowering/view_fields.h"

namespace perilune::compiler {
namespace {

using ir::Condition;
using ir::Op;

}  // namespace

void Lowering::call_segment(Call& call) {
  const AbstractValue view = call.argument(0);
  if (view.kind != Kind::kView) return fail_type(call, 0, "data");
  AbstractValue offset = AbstractValue::integer_constant(0);
  AbstractValue wanted;
  const bool to_end = call.none_or_nil(2);
  if (!call.none_or_nil(1) && !integer_argument(call, 1, offset)) return;
  if (!to_end && !integer_argument(call, 2, wanted)) return;

  AbstractValue part = view;
  part.object = 0;
  part.index = ++views_;
  const State before = st_;
  const auto absent = [&](ir::BlockId block) {
    const ir::BlockId here = b_.current();
    const State now = st_;
    resume(block, before);
    finish(call, {AbstractValue::nil()});
    resume(here, now);
  };
  if (offset.kind == Kind::kInteger && offset.integer < 0) return finish(call, {AbstractValue::nil()});
  if (wanted.kind == Kind::kInteger && wanted.integer < 0) return finish(call, {AbstractValue::nil()});
  if (!(offset.kind == Kind::kInteger && offset.integer <= view.least)) {
    const ir::BlockId inside = b_.new_block();
    const ir::BlockId outside = b_.new_block();
    b_.branch(Condition::kUgt, integer_of(offset), view.b, outside, inside);
    b_.switch_to(inside);
    absent(outside);
    b_.switch_to(inside);
    if (offset.kind == Kind::kInteger) know_length(view, offset.integer);
  }
  if (wanted.kind == Kind::kDynamicInteger) {
    const ir::BlockId inside = b_.new_block();
    const ir::BlockId outside = b_.new_block();
    b_.branch(Condition::kSlt, wanted.a, number(0), outside, inside);
    b_.switch_to(inside);
    absent(outside);
    b_.switch_to(inside);
  }
  const ir::Value start = integer_of(offset);
  part.a = b_.add(view.a, start);
  const bool whole = offset.kind == Kind::kInteger && offset.integer == 0;
  ir::Value rest = whole ? view.b : b_.sub(view.b, start);
  const int64_t skipped = offset.kind == Kind::kInteger ? offset.integer : 0;
  const int64_t known = offset.kind == Kind::kInteger ? std::max<int64_t>(0, view.least - skipped) : 0;
  part.most = view.most - skipped;
  part.least = known;
  if (view.base >= 0) part.base = offset.kind == Kind::kInteger ? view.base + skipped : AbstractValue::kUnknown;
  if (to_end) {
    part.b = rest;
    return finish(call, {part});
  }
  if (world_->data_option("strict_segments")) {
    const ir::BlockId inside = b_.new_block();
    const ir::BlockId outside = b_.new_block();
    b_.branch(Condition::kUgt, integer_of(wanted), rest, outside, inside);
    b_.switch_to(inside);
    absent(outside);
    b_.switch_to(inside);
    part.b = integer_of(wanted);
    if (wanted.kind == Kind::kInteger) part.least = part.most = wanted.integer;
    return finish(call, {part});
  }
  if (wanted.kind == Kind::kInteger) {
    part.b = known >= wanted.integer ? number(wanted.integer) : smaller(rest, number(wanted.integer));
    part.most = std::min(part.most, wanted.integer);
    part.least = std::min(known, wanted.integer);
  } else {
    part.b = smaller(rest, wanted.a);
    part.least = 0;
    if (wanted.most > 0) part.most = std::min(part.most, wanted.most);
  }
  finish(call, {part});
}

void Lowering::call_layout(Call& call) {
  const AbstractValue view = call.argument(0);
  const AbstractValue layout = call.argument(1);
  if (view.kind != Kind::kView) return fail_type(call, 0, "data");
  if (layout.kind == Kind::kTable)
    refuse("layout-made", "a layout that is made for every packet",
           "make it in the main chunk: local x = data.layout {...}");
  if (layout.kind != Kind::kObject || world_->type_of(layout.object) != World::ObjectType::kTable)
    return fail_type(call, 1, "table");
  std::string problem;
  (void)world_->field_of(layout.object, AbstractValue::string_constant(""), problem);
  if (!problem.empty()) return fail(problem);
  // The object itself gets the layout: every copy of it.
  for (AbstractValue* value : flatten(st_)) {
    if (value->kind != Kind::kView || value->a != view.a || value->b != view.b) continue;
    if (value->index == view.index || value->index == 0 || view.index == 0) value->object = layout.object;
  }
  AbstractValue result = view;
  result.object = layout.object;
  finish(call, {result});
}

void Lowering::call_data_layout(Call& call) {
  const AbstractValue layout = call.argument(0);
  if (layout.kind == Kind::kTable)
    refuse("layout-made", "a layout that is made for every packet",
           "make it in the main chunk: local x = data.layout {...}");
  if (layout.kind != Kind::kObject || world_->type_of(layout.object) != World::ObjectType::kTable)
    return fail_type(call, 0, "table");
  std::string problem;
  (void)world_->field_of(layout.object, AbstractValue::string_constant(""), problem);
  if (!problem.empty()) return fail(problem);
  finish(call, {layout});
}

// getuint16(offset), setuint16(offset, value), getstring(offset [, length]), setstring(offset, s)
void Lowering::call_accessor(Call& call, const std::string& name) {
  const AbstractValue view = call.argument(0);
  if (view.kind != Kind::kView) return fail_type(call, 0, "data");
  AbstractValue offset;
  if (!integer_argument(call, 1, offset)) return;
  const bool write = name.starts_with("set");
  const std::string_view rest = std::string_view(name).substr(3);
  const bool string = rest == "string";
  AbstractValue value;
  int64_t size = 0;
  bool is_signed = false;
  ir::Value length = 0;
  const bool to_end = string && !write && call.none_or_nil(2);
  if (string) {
    if (write) {
      if (call.argument(2).kind == Kind::kView) call.arguments[2] = view_text(call.arguments[2]);
      if (!string_argument(call, 2, value)) return;
      length = string_of(value).length;
    } else if (!to_end) {
      AbstractValue wanted;
      if (!integer_argument(call, 2, wanted)) return;
      length = integer_of(wanted);
      if (wanted.kind == Kind::kInteger) size = wanted.integer;
    }
  } else {
    for (const Accessor& accessor : kAccessors) {
      if (accessor.name != rest) continue;
      size = accessor.bytes;
      is_signed = accessor.is_signed;
    }
    length = number(size);
    if (write && !integer_argument(call, 2, value)) return;
  }
  const State before = st_;
  const ir::Value start = integer_of(offset);
  const auto wrong = [&](ir::BlockId block) {
    resume(block, before);
    std::vector<ir::Value> shown;
    const auto part = [&](ir::Value number_shown) -> std::string {
      int64_t known = 0;
      if (b_.is_constant(number_shown, known)) return fmt::format("{}", known);
      shown.push_back(number_shown);
      return fmt::format("{{{}}}", shown.size() - 1);
    };
    const std::string bytes = to_end ? "0" : part(length);
    const std::string place = part(start);
    const std::string size_text = shown.size() < 2 ? part(view.b) : "the data's";
    shown.resize(2);
    fail(argument_message(call, 1, fmt::format("out of range: {} bytes at offset {} of {}", bytes, place, size_text)),
         shown[0], shown[1]);
    ended_ = false;
  };
  const ir::BlockId first = b_.new_block();
  const ir::BlockId bad = b_.new_block();
  b_.branch(Condition::kUgt, start, view.b, bad, first);
  b_.switch_to(first);
  const ir::Value left = b_.sub(view.b, start);
  if (to_end) length = left;
  const ir::BlockId second = b_.new_block();
  b_.branch(Condition::kUgt, length, left, bad, second);
  wrong(bad);
  resume(second, before);
  const int64_t end = offset.kind == Kind::kInteger && size > 0 ? offset.integer + size : -1;
  const ir::Value place = b_.add(view.a, start);
  AbstractValue part = view;
  if (end < 0) {
    part.a = place;
    part.b = length;
  }
  ensure_bytes(part, end);
  if (string && !write) {
    AbstractValue text = AbstractValue::dynamic_string(place, length, size > 0 ? size : view.most);
    text.in_frame = true;
    return finish(call, {text});
  }
  if (write && string) {
    AbstractValue key = AbstractValue::string_constant("string");
    ir::Value from = string_of(value).offset;
    if (value.in_frame) {
      from = allocate_string(length);
      copy_bytes(from, string_of(value).offset, length);
    }
    before_write(place, b_.add(place, length), true);
    copy_exactly(place, from, length);
    return finish(call, {});
  }
  const auto bytes = static_cast<unsigned>(size);
  if (write) {
    const ir::Value stored = integer_of(value);
    before_write(place, b_.add(place, size));
    b_.store(bytes, at(place), 0, stored);
    return finish(call, {});
  }
  ir::Value loaded = b_.load(bytes, at(place), 0);
  if (is_signed && size < 8) {
    const int64_t unused = 64 - 8 * size;
    loaded = b_.binary(Op::kAshr, b_.binary(Op::kShl, loaded, unused), unused);
  }
  finish(call, {AbstractValue::dynamic_integer(loaded)});
}

}  // namespace perilune::compiler
