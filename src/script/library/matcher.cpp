#include "script/library/matcher.h"

#include <cstring>

#include <lauxlib.h>

#include "script/state/state.h"

namespace perilune::script {
namespace {

using Op = PatternNode::Op;
using Repeat = PatternNode::Repeat;

uint8_t byte_at(const char* s) {
  return static_cast<uint8_t>(*s);
}

}  // namespace

void Matcher::settle() {
  const uint64_t units = steps_ / kStepsPerUnit;
  steps_ = 0;
  if (units != 0) State::charge(L_, units);
}

void Matcher::raise(PatternError error) {
  switch (error) {
    case PatternError::kEndsWithPercent:
      luaL_error(L_, "malformed pattern (ends with '%%')");
      break;
    case PatternError::kMissingBracket:
      luaL_error(L_, "malformed pattern (missing ']')");
      break;
    case PatternError::kMissingBalanceArguments:
      luaL_error(L_, "malformed pattern (missing arguments to '%%b')");
      break;
    case PatternError::kMissingFrontierSet:
      luaL_error(L_, "missing '[' after '%%f' in pattern");
      break;
  }
  __builtin_unreachable();
}

const char* Matcher::match_at(const char* at) {
  level_ = 0;
  depth_left_ = kMostNested;
  return match(at, program_->nodes());
}

const char* Matcher::find(const char* from, const char*& match_end) {
  if (program_->anchored()) {
    match_end = match_at(from);
    return match_end != nullptr ? from : nullptr;
  }
  for (const char* s = candidate(from); s != nullptr; s = s < end_ ? candidate(s + 1) : nullptr) {
    match_end = match_at(s);
    if (match_end != nullptr) return s;
  }
  return nullptr;
}

const char* Matcher::candidate(const char* from) {
  const std::string_view prefix = program_->prefix();
  const char* s = from;
  if (!prefix.empty()) {
    // The first byte by memchr, the others by comparing: prefixes are short, and memmem has to prepare.
    const char* found = nullptr;
    while (static_cast<size_t>(end_ - s) >= prefix.size()) {
      s = static_cast<const char*>(std::memchr(s, prefix[0], static_cast<size_t>(end_ - s) - prefix.size() + 1));
      if (s == nullptr) break;
      if (std::memcmp(s + 1, prefix.data() + 1, prefix.size() - 1) == 0) {
        found = s;
        break;
      }
      ++s;
      step(1);
    }
    step(static_cast<size_t>((found != nullptr ? found : end_) - from) / 16);
    return found;
  }
  if (const ByteSet* set = program_->first_set(); set != nullptr) {
    while (s < end_ && !set->contains(byte_at(s)))
      ++s;
    step(static_cast<size_t>(s - from) / 4);
    return s < end_ ? s : nullptr;
  }
  return s;
}

bool Matcher::matches_one(const char* s, const PatternNode* node) const {
  if (s >= end_) return false;
  switch (node->op) {
    case Op::kByte:
      return byte_at(s) == node->first;
    case Op::kSet:
      return program_->set(node->index).contains(byte_at(s));
    default:
      return true;
  }
}

/// False when matching `node` at `s` is sure to fail without an error.
bool Matcher::may_begin(const char* s, const PatternNode* node) const {
  const bool single = node->op == Op::kByte || node->op == Op::kSet || node->op == Op::kAny;
  return !single || (node->repeat != Repeat::kOnce && node->repeat != Repeat::kPlus) || matches_one(s, node);
}

size_t Matcher::run_length(const char* s, const PatternNode* node) const {
  const char* p = s;
  switch (node->op) {
    case Op::kByte:
      while (p < end_ && byte_at(p) == node->first)
        ++p;
      break;
    case Op::kSet: {
      const ByteSet set = program_->set(node->index);
      while (p < end_ && set.contains(byte_at(p)))
        ++p;
      break;
    }
    default:
      p = end_;
  }
  return static_cast<size_t>(p - s);
}

const char* Matcher::match_greedy(const char* s, const PatternNode* node, size_t least) {
  size_t count = run_length(s, node);
  step(count / 4);
  const PatternNode* next = node + 1;
  if (next->op == Op::kEnd && depth_left_ > 0) return count >= least ? s + count : nullptr;
  for (;; --count) {
    if (count < least) return nullptr;
    // Where nesting is at its limit the call below has to raise, whatever comes next.
    if (depth_left_ == 0 || may_begin(s + count, next)) {
      const char* result = match(s + count, next);
      if (result != nullptr) return result;
    } else {
      step(1);
    }
    if (count == 0) return nullptr;
  }
}

const char* Matcher::match_lazy(const char* s, const PatternNode* node) {
  for (;;) {
    const char* result = match(s, node + 1);
    if (result != nullptr) return result;
    if (!matches_one(s, node)) return nullptr;
    ++s;
  }
}

const char* Matcher::open_capture(const char* s, const PatternNode* node, ptrdiff_t kind) {
  if (level_ >= kMostCaptures) luaL_error(L_, "too many captures");
  captures_[static_cast<size_t>(level_)] = {s, kind};
  ++level_;
  const char* result = match(s, node + 1);
  if (result == nullptr) --level_;
  return result;
}

const char* Matcher::close_capture(const char* s, const PatternNode* node) {
  int level = level_ - 1;
  while (level >= 0 && captures_[static_cast<size_t>(level)].length != kUnfinished)
    --level;
  if (level < 0) luaL_error(L_, "invalid pattern capture");
  Capture& capture = captures_[static_cast<size_t>(level)];
  capture.length = s - capture.begin;
  const char* result = match(s, node + 1);
  if (result == nullptr) capture.length = kUnfinished;
  return result;
}

const char* Matcher::balance(const char* s, const PatternNode* node) {
  if (s >= end_ || byte_at(s) != node->first) return nullptr;
  size_t open = 1;
  const char* p = s;
  while (++p < end_) {
    if (byte_at(p) == node->second) {
      if (--open == 0) {
        step(static_cast<size_t>(p - s) / 4);
        return p + 1;
      }
    } else if (byte_at(p) == node->first) {
      ++open;
    }
  }
  step(static_cast<size_t>(p - s) / 4);
  return nullptr;
}

const char* Matcher::back_reference(const char* s, const PatternNode* node) {
  const int level = node->first - '1';
  if (level < 0 || level >= level_ || captures_[static_cast<size_t>(level)].length == kUnfinished) {
    luaL_error(L_, "invalid capture index %%%d", level + 1);
  }
  const Capture& capture = captures_[static_cast<size_t>(level)];
  // A position capture has no text: it never matches.
  const auto length = static_cast<size_t>(capture.length);
  if (static_cast<size_t>(end_ - s) < length || std::memcmp(capture.begin, s, length) != 0) return nullptr;
  step(length / 16);
  return s + length;
}

bool Matcher::frontier(const char* s, const ByteSet& set) const {
  const uint8_t before = s == begin_ ? uint8_t{0} : byte_at(s - 1);
  const uint8_t here = s == end_ ? uint8_t{0} : byte_at(s);
  return !set.contains(before) && set.contains(here);
}

const char* Matcher::match(const char* s, const PatternNode* node) {
  if (depth_left_ == 0) luaL_error(L_, "pattern too complex");
  --depth_left_;
  for (bool done = false; !done;) {
    step(1);
    switch (node->op) {
      case Op::kEnd:
        done = true;
        break;
      case Op::kByte:
      case Op::kAny:
      case Op::kSet:
        switch (node->repeat) {
          case Repeat::kOnce:
            if (matches_one(s, node)) {
              ++s;
              ++node;
            } else {
              s = nullptr;
              done = true;
            }
            break;
          case Repeat::kOptional: {
            const char* result = matches_one(s, node) ? match(s + 1, node + 1) : nullptr;
            if (result != nullptr) {
              s = result;
              done = true;
            } else {
              ++node;
            }
            break;
          }
          case Repeat::kStar:
          case Repeat::kPlus:
            if (matches_one(s, node)) {
              s = match_greedy(s, node, node->repeat == Repeat::kPlus ? 1 : 0);
              done = true;
            } else if (node->repeat == Repeat::kPlus) {
              s = nullptr;
              done = true;
            } else {
              ++node;
            }
            break;
          case Repeat::kLazy:
            if (matches_one(s, node)) {
              s = match_lazy(s, node);
              done = true;
            } else {
              ++node;
            }
            break;
        }
        break;
      case Op::kOpen:
        s = open_capture(s, node, kUnfinished);
        done = true;
        break;
      case Op::kPosition:
        s = open_capture(s, node, kPosition);
        done = true;
        break;
      case Op::kClose:
        s = close_capture(s, node);
        done = true;
        break;
      case Op::kSubjectEnd:
        if (s != end_) s = nullptr;
        done = true;
        break;
      case Op::kBalance:
        s = balance(s, node);
        done = s == nullptr;
        ++node;
        break;
      case Op::kFrontier:
        if (!frontier(s, program_->set(node->index))) s = nullptr;
        done = s == nullptr;
        ++node;
        break;
      case Op::kBack:
        s = back_reference(s, node);
        done = s == nullptr;
        ++node;
        break;
      case Op::kError:
        raise(static_cast<PatternError>(node->index));
    }
  }
  ++depth_left_;
  return s;
}

bool Matcher::capture_text(int index, const char* from, const char* to, std::string_view& text) {
  if (index >= level_) {
    if (index != 0) luaL_error(L_, "invalid capture index %%%d", index + 1);
    text = {from, static_cast<size_t>(to - from)};
    return true;
  }
  const Capture& capture = captures_[static_cast<size_t>(index)];
  if (capture.length == kUnfinished) luaL_error(L_, "unfinished capture");
  if (capture.length == kPosition) {
    lua_pushinteger(L_, capture.begin - begin_ + 1);
    return false;
  }
  text = {capture.begin, static_cast<size_t>(capture.length)};
  return true;
}

void Matcher::push_capture(int index, const char* from, const char* to) {
  std::string_view text;
  if (capture_text(index, from, to, text)) lua_pushlstring(L_, text.data(), text.size());
}

int Matcher::push_captures(const char* from, const char* to) {
  const int count = level_ == 0 && from != nullptr ? 1 : level_;
  luaL_checkstack(L_, count, "too many captures");
  for (int i = 0; i < count; ++i)
    push_capture(i, from, to);
  return count;
}

}  // namespace perilune::script
