#include <optional>

#include <fmt/format.h>

#include "pattern/pattern.h"

namespace perilune::pattern {
namespace {

constexpr size_t kMostCaptures = 32;  // LUA_MAXCAPTURES
// Lua's matcher gives up ("pattern too complex") when its calls nest 200 deep; each of these items nests once at most.
constexpr size_t kMostNesting = 196;

class Parser {
 public:
  Parser(std::string_view text, Anchors anchors) : text_(text) {
    pattern_.text = text;
    if (anchors == Anchors::kAnchor && text.starts_with('^')) {
      pattern_.anchored = true;
      at_ = 1;
    }
  }

  tl::expected<Pattern, std::string> run() {
    while (error_.empty() && at_ < text_.size())
      item();
    if (error_.empty() && !open_.empty()) error_ = "unfinished capture";
    if (!error_.empty()) return tl::make_unexpected(std::move(error_));
    size_t nesting = 0;
    for (const Item& item : pattern_.items) {
      const bool byte = item.kind == Item::Kind::kByte;
      if ((byte && item.repeat != Repeat::kOnce) || item.kind == Item::Kind::kOpen || item.kind == Item::Kind::kClose ||
          item.kind == Item::Kind::kPosition) {
        ++nesting;
      }
    }
    if (nesting > kMostNesting) not_regular(fmt::format("{} repetitions and captures", nesting));
    return std::move(pattern_);
  }

 private:
  [[nodiscard]] char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  [[nodiscard]] bool has(size_t ahead) const { return at_ + ahead < text_.size(); }
  void not_regular(std::string why) {
    if (pattern_.not_regular.empty()) pattern_.not_regular = std::move(why);
  }

  void item() {
    if (peek() == '(') {
      open();
    } else if (peek() == ')') {
      close();
    } else if (peek() == '$' && at_ + 1 == text_.size()) {
      pattern_.to_end = true;
      ++at_;
    } else if (peek() == '%' && peek(1) == 'b') {
      balance();
    } else if (peek() == '%' && peek(1) == 'f') {
      frontier();
    } else if (peek() == '%' && peek(1) >= '0' && peek(1) <= '9') {
      back_reference();
    } else {
      single();
    }
  }

  void open() {
    if (pattern_.captures.size() == kMostCaptures) {
      error_ = "too many captures";
      return;
    }
    const bool position = peek(1) == ')';
    Item item;
    item.kind = position ? Item::Kind::kPosition : Item::Kind::kOpen;
    item.capture = static_cast<uint32_t>(pattern_.captures.size());
    pattern_.items.push_back(item);
    pattern_.captures.push_back(position);
    if (!position) open_.push_back(item.capture);
    at_ += position ? 2 : 1;
  }

  void close() {
    if (open_.empty()) {
      error_ = "invalid pattern capture";
      return;
    }
    Item item;
    item.kind = Item::Kind::kClose;
    item.capture = open_.back();
    open_.pop_back();
    pattern_.items.push_back(item);
    ++at_;
  }

  void balance() {
    if (!has(3)) {
      error_ = "malformed pattern (missing arguments to '%b')";
      return;
    }
    Item item;
    item.kind = Item::Kind::kBalance;
    item.first = static_cast<uint8_t>(peek(2));
    item.second = static_cast<uint8_t>(peek(3));
    pattern_.items.push_back(item);
    not_regular(fmt::format("a balanced match, {}", text_.substr(at_, 4)));
    at_ += 4;
  }

  void frontier() {
    at_ += 2;
    if (peek() != '[') {
      error_ = "missing '[' after '%f' in pattern";
      return;
    }
    Item item;
    item.kind = Item::Kind::kFrontier;
    if (!bracket(item.set)) return;
    pattern_.items.push_back(item);
  }

  void back_reference() {
    const auto number = static_cast<uint32_t>(peek(1) - '0');
    bool known = number != 0 && number <= pattern_.captures.size();
    for (const uint32_t capture : open_)
      known = known && capture != number - 1;
    if (!known) {
      error_ = fmt::format("invalid capture index %{}", number);
      return;
    }
    Item item;
    item.kind = Item::Kind::kBack;
    item.first = static_cast<uint8_t>(number);
    pattern_.items.push_back(item);
    not_regular(fmt::format("a back-reference, %{}", number));
    at_ += 2;
  }

  /// A single-byte class and how often it may come.
  void single() {
    Item item;
    if (peek() == '[') {
      if (!bracket(item.set)) return;
    } else if (peek() == '%') {
      if (!has(1)) {
        error_ = "malformed pattern (ends with '%')";
        return;
      }
      if (const std::optional<ByteSet> named = class_of(peek(1))) {
        item.set = *named;
      } else {
        item.set.add(static_cast<uint8_t>(peek(1)));
      }
      at_ += 2;
    } else {
      if (peek() == '.') {
        item.set.invert();
      } else {
        item.set.add(static_cast<uint8_t>(peek()));
      }
      ++at_;
    }
    item.repeat = repetition();
    pattern_.items.push_back(item);
  }

  Repeat repetition() {
    if (!has(0)) return Repeat::kOnce;
    ++at_;
    switch (text_[at_ - 1]) {
      case '?':
        return Repeat::kOptional;
      case '*':
        return Repeat::kStar;
      case '+':
        return Repeat::kPlus;
      case '-':
        return Repeat::kLazy;
      default:
        --at_;
        return Repeat::kOnce;
    }
  }

  /// The set from '[' on.
  bool bracket(ByteSet& set) {
    const std::optional<Bracket> found = bracket_at(text_, at_);
    if (!found) {
      error_ = "malformed pattern (missing ']')";
      return false;
    }
    set = found->set;
    at_ = found->end;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  Pattern pattern_;
  std::vector<uint32_t> open_;  // captures not closed yet
  std::string error_;
};

}  // namespace

tl::expected<Pattern, std::string> parse(std::string_view text, Anchors anchors) {
  return Parser(text, anchors).run();
}

}  // namespace perilune::pattern
