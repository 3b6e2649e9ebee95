#include "random_function.h"

#include <array>
#include <random>
#include <utility>
#include <vector>

namespace perilune::ir::test {
namespace {

class Generator {
 public:
  Generator(uint64_t seed, const Shape& shape) : random_(seed), shape_(shape), builder_(function_) {}

  Function run() {
    builder_.switch_to(builder_.new_block());
    slot_ = builder_.slot();
    pointers_.push_back(slot_);
    for (unsigned i = 0; i < shape_.variables; ++i) {
      variables_.push_back(pick(3) == 0 ? builder_.constant(number()) : builder_.load(8, slot_, 0x2000 + 8 * int(i)));
    }
    left_ = shape_.statements;
    statements(shape_.depth);
    Value sum = builder_.constant(0);
    for (const Value variable : variables_)
      sum = builder_.add(builder_.binary(Op::kMul, sum, 31), variable);
    builder_.ret(sum);
    return std::move(function_);
  }

 private:
  uint64_t pick(uint64_t below) { return random_() % below; }

  int64_t number() {
    static constexpr std::array<int64_t, 20> kInteresting = {0,
                                                             1,
                                                             -1,
                                                             2,
                                                             7,
                                                             8,
                                                             63,
                                                             64,
                                                             255,
                                                             256,
                                                             65535,
                                                             0x7fffffff,
                                                             0x80000000,
                                                             0xffffffff,
                                                             -2147483648LL,
                                                             0x100000000,
                                                             INT64_MAX,
                                                             INT64_MIN,
                                                             0x0101010101010101,
                                                             0xfffffffe};
    return pick(3) == 0 ? static_cast<int64_t>(random_()) : kInteresting.at(pick(kInteresting.size()));
  }

  Value& variable() { return variables_[pick(variables_.size())]; }
  Value operand() { return pick(4) == 0 ? builder_.constant(number()) : variable(); }
  Value pointer() { return pointers_[pick(pointers_.size())]; }
  int32_t place() { return 0x2000 + static_cast<int32_t>(pick(200)); }
  Condition condition() { return static_cast<Condition>(pick(10)); }

  void statements(unsigned depth) {
    const uint64_t count = 1 + pick(6);
    for (uint64_t i = 0; i < count && left_ != 0; ++i) {
      --left_;
      statement(depth);
    }
    while (depth == shape_.depth && left_ != 0) {
      --left_;
      statement(depth);
    }
  }

  void statement(unsigned depth) {
    if (pick(8) == 0) builder_.at(0, ++line_);
    const uint64_t kind = pick(100);
    if (kind < 35) {
      const auto op = static_cast<Op>(static_cast<uint64_t>(Op::kAdd) + pick(11));
      const Value a = operand();
      variable() = builder_.binary(op, a, operand());
    } else if (kind < 40) {
      variable() = builder_.swap(static_cast<Op>(static_cast<uint64_t>(Op::kSwap16) + pick(3)), operand());
    } else if (kind < 42) {
      variable() = builder_.launder(operand());
    } else if (kind < 52) {
      variable() = builder_.load(1u << pick(4), pointer(), place());
    } else if (kind < 60) {
      builder_.store(1u << pick(4), pointer(), place(), operand());
    } else if (kind < 66) {
      if (pointers_.size() < 12) pointers_.push_back(new_pointer());
    } else if (kind < 68) {
      variable() =
          builder_.load(1u << pick(4), builder_.offset(builder_.tables(uint32_t(pick(64))), operand(), 0x7ff), 3);
    } else if (kind < 72) {
      const Value a = operand();
      variable() = builder_.compare(condition(), a, operand());
    } else if (kind < 80) {
      if (shape_.calls) call();
    } else if (kind < 92) {
      if (depth != 0) choice(depth - 1);
    } else {
      if (depth != 0) loop(depth - 1);
    }
  }

  Value new_pointer() {
    switch (pick(4)) {
      case 0:
        return builder_.offset(slot_, builder_.constant(0x8000 + static_cast<int64_t>(pick(1000))), 0xffff);
      case 1:
        return builder_.offset(builder_.offset(slot_, operand(), 0xff), variable(), 0x3ff);
      default:
        return builder_.offset(slot_, operand(), 0xfff);
    }
  }

  void call() {
    switch (pick(10)) {
      case 0:
        if (pick(3) == 0) {
          builder_.replace(operand());
        } else {
          builder_.pull(operand());
        }
        break;
      case 1:
        variable() = builder_.map_lookup(uint32_t(pick(2)), 0x2000 + 8 * int(pick(3)), 0x2040, 16);
        break;
      case 2:
        builder_.store(8, slot_, 0x2000 + 8 * int(pick(3)), builder_.constant(int64_t(pick(3))));
        variable() = builder_.map_update(uint32_t(pick(2)), 0x2000 + 8 * int(pick(3)), 0x2050, 0);
        break;
      case 3:
        variable() = builder_.map_delete(uint32_t(pick(2)), 0x2000 + 8 * int(pick(3)));
        break;
      case 4:
        variable() = builder_.map_add(uint32_t(pick(2)), 0x2000 + 8 * int(pick(3)), operand(), pick(2) == 0 ? 4 : 8, 8);
        break;
      case 8: {  // a look-up that keeps what it finds, for a store into it
        const auto map = static_cast<uint32_t>(pick(2));
        const auto kept = static_cast<uint8_t>(1 + pick(kKeptPlaces));
        variable() = builder_.map_lookup(map, 0x2000 + 8 * int(pick(3)), 0x2040, 16, kept);
        if (pick(2) == 0) variable() = builder_.ktime();
        variable() = builder_.map_store(map, 0x2050, int64_t{1} << pick(4), kept);
        break;
      }
      case 5:
        variable() = builder_.ktime();
        break;
      case 6:
        variable() = builder_.random();
        break;
      default:
        variable() = builder_.emit(0x2000, builder_.binary(Op::kAnd, operand(), 0xff));
        break;
    }
  }

  void choice(unsigned depth) {
    const BlockId then = builder_.new_block();
    const BlockId otherwise = builder_.new_block();
    const Value a = operand();
    builder_.branch(condition(), a, operand(), then, otherwise);
    const std::vector<Value> before = variables_;
    const size_t pointers = pointers_.size();
    function_.blocks[otherwise].unlikely = pick(4) == 0;
    const BlockId join = builder_.new_block(variables_.size());

    builder_.switch_to(then);
    statements(depth);
    builder_.jump(join, variables_);
    variables_ = before;
    pointers_.resize(pointers);

    builder_.switch_to(otherwise);
    if (pick(3) != 0) statements(depth);
    builder_.jump(join, variables_);
    pointers_.resize(pointers);

    builder_.switch_to(join);
    const auto parameters = builder_.parameters(join);
    variables_.assign(parameters.begin(), parameters.end());
  }

  // for count = 0 .. n: body
  void loop(unsigned depth) {
    const BlockId head = builder_.new_block(variables_.size() + 1);
    const BlockId body = builder_.new_block();
    const BlockId exit = builder_.new_block();
    const BlockId exhausted = builder_.new_block();
    std::vector<Value> arguments = variables_;
    arguments.push_back(builder_.constant(0));
    builder_.jump(head, arguments);
    function_.blocks[head].loop_header = true;
    function_.blocks[head].exhausted = exhausted;
    function_.blocks[exhausted].unlikely = true;

    builder_.switch_to(head);
    const auto parameters = builder_.parameters(head);
    variables_.assign(parameters.begin(), parameters.end() - 1);
    const Value count = parameters.back();
    const std::vector<Value> at_head = variables_;
    builder_.branch(Condition::kUge, count, static_cast<int64_t>(1 + pick(6)), exit, body);
    const size_t pointers = pointers_.size();

    builder_.switch_to(body);
    variables_.push_back(count);  // may be read, but is not written by index: the original goes round
    const Value next_early = pick(2) == 0 ? builder_.add(count, 1) : kNoValue;
    statements(depth);
    variables_.pop_back();
    arguments = variables_;
    arguments.push_back(next_early != kNoValue ? next_early : builder_.add(count, 1));
    builder_.jump(head, arguments);
    pointers_.resize(pointers);

    builder_.switch_to(exhausted);
    builder_.ret(builder_.constant(-1));

    builder_.switch_to(exit);
    variables_ = at_head;
  }

  std::mt19937_64 random_;
  Shape shape_;
  Function function_;
  Builder builder_;
  Value slot_ = kNoValue;
  std::vector<Value> pointers_;
  std::vector<Value> variables_;
  unsigned left_ = 0;
  uint32_t line_ = 0;
};

}  // namespace

Function random_function(uint64_t seed, const Shape& shape) {
  return Generator(seed, shape).run();
}

World random_world(uint64_t seed) {
  std::mt19937_64 random(seed);
  World world;
  for (uint8_t& byte : world.tables)
    byte = static_cast<uint8_t>(random());
  for (size_t i = PL_SCRATCH; i < 0x10000; ++i)
    world.memory[i] = static_cast<uint8_t>(random());
  // keys 0 to 2 are likely
  for (size_t i = 0; i < 3; ++i) {
    const uint64_t key = random() % 3;
    memcpy(world.memory.data() + 0x2000 + 8 * i, &key, 8);
  }
  for (uint64_t key = 0; key < 2; ++key) {
    uint8_t bytes[8];
    memcpy(bytes, &key, 8);
    world.update(0, bytes, world.memory.data() + 0x2100 + 8 * key);
  }
  return world;
}

}  // namespace perilune::ir::test
