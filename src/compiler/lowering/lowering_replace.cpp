// pkt.payload = s: the runtime does it (src/bpf/runtime/replace.h, packet::replace_payload()), because what it needs of
// the packet, all of it and where its headers are by now, no filter has at hand.
#include <fmt/format.h>

#include "compiler/lowering/lowering.h"
#include "packet/resize.h"

namespace perilune::compiler {

using ir::Condition;

// Views made before show the bytes of now, and no more of them than there are (luadata::resolve()). One that would
// begin beyond them reads as nothing at all, which is something else than empty: what depends on that is refused.
void Lowering::cut_views() {
  const ir::Value size = b_.add(header(offsetof(pl_packet, captured)), kFrame);
  State probe = st_;
  clear_dead(probe);
  const auto live = flatten(probe);
  const auto real = flatten(st_);
  for (size_t i = 0; i < live.size(); ++i) {
    if (live[i]->kind != Kind::kView || live[i]->base == AbstractValue::kHeaders) continue;
    AbstractValue& view = *real[i];
    if (view.base != 0)
      refuse("payload-replaced", "part of the payload is looked at after the payload is replaced",
             "take it from pkt.payload anew, or as a string before: tostring(pld:segment(4, 8))");
    const ir::Value room = select(Condition::kUlt, size, view.a, number(0), b_.sub(size, view.a));
    view.b = smaller(view.b, room);
    view.least = 0;
  }
}

void Lowering::replace_payload(const AbstractValue& given) {
  AbstractValue value = given;
  refuse_load_time_object(value);
  if (value.kind == Kind::kView) value = view_text(value);
  if (!value.is_string())
    return fail(fmt::format("pkt.payload is set to a string or a data object that is still there; it was set to a {}",
                            type_name(value)));
  StringParts parts = string_of(value);
  if (value.address) {  // it stands among what is known of the packet, where the headers are found anew
    const ir::Value copy = allocate_string(parts.length);
    copy_bytes(copy, parts.offset, parts.length);
    parts.offset = copy;
  }
  writes_to_packet();
  image_.replaces = true;
  b_.store(4, b_.slot(), PL_RECORD + offsetof(pl_packet, replace_from), parts.offset);
  b_.replace(parts.length);
  const ir::Value refusal = b_.load(4, b_.slot(), PL_RECORD + offsetof(pl_packet, replaced));
  const ir::BlockId refused = b_.new_block();
  const ir::BlockId done = b_.new_block();
  const State before = st_;
  b_.branch(Condition::kNe, refusal, number(0), refused, done);
  resume(refused, before);
  fail_by(refusal, packet::kResizeRefusals, [](uint32_t code) {
    return fmt::format("the payload cannot be replaced: {}", to_string(static_cast<packet::ResizeRefusal>(code)));
  });
  ended_ = false;
  resume(done, before);
  st_.replaced = true;
  st_.pulled = kAll;
  cut_views();
}

}  // namespace perilune::compiler
