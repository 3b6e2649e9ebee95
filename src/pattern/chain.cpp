#include "pattern/chain.h"

namespace perilune::pattern {
namespace {

/// A place whose base is not known yet: it stands `distance` bytes after the segment's beginning.
struct Pending {
  Place* place;
  int32_t distance;
};

class ChainMaker {
 public:
  ChainMaker(const Pattern& pattern, Wanted wanted) : pattern_(pattern) {
    chain_.anchored = pattern.anchored;
    chain_.to_end = pattern.to_end;
    chain_.wanted = wanted;
    if (wanted.captures) chain_.captures.resize(pattern.captures.size());
    compared_ = pattern.captures.empty();
  }

  Chain run() {
    if (chain_.wanted.bounds) tag(chain_.start);
    for (const Item& item : pattern_.items)
      append(item);
    settle(Place::Base::kEnd, 0);
    return std::move(chain_);
  }

 private:
  void append(const Item& item) {
    switch (item.kind) {
      case Item::Kind::kByte:
        if (item.repeat == Repeat::kOnce || item.repeat == Repeat::kPlus) {
          add(Step::Kind::kOnce, item.set);
          ++length_;
        }
        if (item.repeat != Repeat::kOnce) {
          finish_segment();
          add(item.repeat == Repeat::kOptional ? Step::Kind::kOptional
              : item.repeat == Repeat::kLazy   ? Step::Kind::kLazy
                                               : Step::Kind::kStar,
              item.set);
        }
        break;
      case Item::Kind::kFrontier:
        add(Step::Kind::kFrontier, item.set);
        break;
      case Item::Kind::kOpen:
      case Item::Kind::kPosition:
        if (item.kind == Item::Kind::kOpen && item.capture == chain_.wanted.compared) compared_ = true;
        if (!chain_.wanted.captures) break;
        chain_.captures[item.capture].position = item.kind == Item::Kind::kPosition;
        tag(chain_.captures[item.capture].start);
        if (item.kind == Item::Kind::kPosition) tag(chain_.captures[item.capture].end);
        break;
      case Item::Kind::kClose:
        if (item.capture == chain_.wanted.compared) compared_ = false;
        if (chain_.wanted.captures) tag(chain_.captures[item.capture].end);
        break;
      case Item::Kind::kBalance:
      case Item::Kind::kBack:
        break;  // not regular: the caller's fault
    }
  }

  void add(Step::Kind kind, const ByteSet& set) {
    Step step;
    step.kind = kind;
    step.set = set;
    step.compared = compared_;
    chain_.steps.push_back(step);
  }
  void tag(Place& place) { pending_.push_back({&place, length_}); }

  /// The bytes so far have fixed distances; what follows has not.
  void finish_segment() {
    if (!pending_.empty()) {
      if (first_segment_ && chain_.anchored) {
        for (const Pending& pending : pending_)
          *pending.place = {Place::Base::kInit, 0, pending.distance};
        pending_.clear();
      } else {
        Step step;
        step.kind = Step::Kind::kMark;
        step.mark = chain_.marks;
        chain_.steps.push_back(step);
        settle(Place::Base::kMark, chain_.marks++);
      }
    }
    first_segment_ = false;
    length_ = 0;
  }

  void settle(Place::Base base, uint32_t mark) {
    for (const Pending& pending : pending_)
      *pending.place = {base, mark, pending.distance - length_};
    pending_.clear();
  }

  const Pattern& pattern_;
  Chain chain_;
  std::vector<Pending> pending_;
  int32_t length_ = 0;  // of the segment so far
  bool first_segment_ = true;
  bool compared_ = false;
};

int64_t resolve(const Place& place, int64_t init, int64_t end, std::span<const int64_t> marks) {
  switch (place.base) {
    case Place::Base::kInit:
      return init + place.offset;
    case Place::Base::kMark:
      return marks[place.mark] + place.offset;
    case Place::Base::kEnd:
      return end + place.offset;
  }
  return 0;
}

}  // namespace

Chain make_chain(const Pattern& pattern, Wanted wanted) {
  return ChainMaker(pattern, wanted).run();
}

Match resolve(const Chain& chain, int64_t init, int64_t end, std::span<const int64_t> marks) {
  Match match;
  if (chain.wanted.bounds) match.whole = {resolve(chain.start, init, end, marks), end};
  for (const CapturePlace& capture : chain.captures) {
    match.captures.push_back({resolve(capture.start, init, end, marks), resolve(capture.end, init, end, marks)});
  }
  return match;
}

}  // namespace perilune::pattern
