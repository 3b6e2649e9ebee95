#include "compiler/lua/bytecode.h"

#include <bit>
#include <cstring>

namespace perilune::compiler {
namespace {

constexpr unsigned kMaxDepth = 200;  // nested functions; the Lua compiler stops there too (LUAI_MAXCCALLS)

// Constant tags (lobject.h: basic type and variant).
constexpr uint8_t kTagNil = 0x00, kTagFalse = 0x01, kTagTrue = 0x11, kTagInteger = 0x03, kTagFloat = 0x13,
                  kTagShortString = 0x04, kTagLongString = 0x14;

// In lineinfo: this instruction's line is in abslineinfo.
constexpr int8_t kAbsoluteLine = -0x80;

/// Reads values one after the other; after the first failure everything reads as zero and the failure stays.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool failed() const { return !problem_.empty(); }
  [[nodiscard]] std::string problem() const { return fmt::format("{} at byte {}", problem_, failed_at_); }
  [[nodiscard]] size_t left() const { return bytes_.size() - next_; }

  void fail(std::string_view problem) {
    if (failed()) return;
    problem_ = problem;
    failed_at_ = next_;
  }

  std::string_view take(size_t length) {
    if (failed()) return {};
    if (length > left()) {
      fail("the bytecode ends too early");
      return {};
    }
    const std::string_view piece = bytes_.substr(next_, length);
    next_ += length;
    return piece;
  }

  uint8_t byte() {
    const std::string_view piece = take(1);
    return piece.empty() ? uint8_t{0} : static_cast<uint8_t>(piece[0]);
  }

  template <typename T>
  T host() {
    T value{};
    const std::string_view piece = take(sizeof value);
    if (!piece.empty()) std::memcpy(&value, piece.data(), sizeof value);
    return value;
  }

  /// dumpSize: seven bits a byte, most significant first, the last byte has its top bit set.
  uint64_t size() {
    uint64_t value = 0;
    while (!failed()) {
      const uint8_t next = byte();
      if (value > (UINT64_MAX >> 7)) {
        fail("a size is too large");
        return 0;
      }
      value = (value << 7) | (next & 0x7fU);
      if ((next & 0x80U) != 0) break;
    }
    return failed() ? 0 : value;
  }

  uint32_t integer() {
    const uint64_t value = size();
    if (value > INT32_MAX) {
      fail("a number is too large");
      return 0;
    }
    return static_cast<uint32_t>(value);
  }

  /// A count of things that take at least `least` bytes each.
  size_t count(size_t least) {
    const uint32_t value = integer();
    if (value > left() / least) {
      fail("a count is larger than what follows");
      return 0;
    }
    return value;
  }

  /// dumpString: 0 for none, else length + 1.
  std::string string() {
    const uint64_t length = size();
    if (failed() || length == 0) return {};
    return std::string(take(length - 1));
  }

 private:
  std::string_view bytes_;
  size_t next_ = 0;
  size_t failed_at_ = 0;
  std::string problem_;
};

void read_header(Reader& reader) {
  const auto expect = [&](std::string_view bytes, std::string_view otherwise) {
    if (!reader.failed() && reader.take(bytes.size()) != bytes) reader.fail(otherwise);
  };
  expect("\x1bLua", "not Lua bytecode");
  expect("\x54", "not bytecode of Lua 5.4");
  expect(std::string_view("\0", 1), "not the official bytecode format");
  expect("\x19\x93\r\n\x1a\n", "the bytecode was damaged as text");
  expect("\x04\x08\x08", "bytecode of a Lua with other number sizes");
  if (!reader.failed() && reader.host<int64_t>() != 0x5678) reader.fail("bytecode of another byte order");
  if (!reader.failed() && reader.host<double>() != 370.5) reader.fail("bytecode of another number format");
}

Constant read_constant(Reader& reader) {
  switch (reader.byte()) {
    case kTagNil:
      return Nil{};
    case kTagFalse:
      return false;
    case kTagTrue:
      return true;
    case kTagInteger:
      return reader.host<int64_t>();
    case kTagFloat:
      return reader.host<double>();
    case kTagShortString:
    case kTagLongString:
      return reader.string();
    default:
      reader.fail("a constant of an unknown type");
      return Nil{};
  }
}

/// Lines are differences from instruction to instruction, with a whole one now and then (ldebug.c: luaG_getfuncline).
void read_lines(Reader& reader, Prototype& function) {
  const std::string_view differences = reader.take(reader.count(1));
  struct Absolute {
    uint32_t pc;
    uint32_t line;
  };
  std::vector<Absolute> absolutes(reader.count(2));
  for (Absolute& absolute : absolutes) {
    absolute.pc = reader.integer();
    absolute.line = reader.integer();
  }
  if (reader.failed() || differences.empty()) return;
  if (differences.size() != function.code.size()) return reader.fail("line information for other code");
  function.lines.reserve(differences.size());
  int64_t line = function.line_defined;
  size_t absolute = 0;
  for (size_t pc = 0; pc < differences.size(); ++pc) {
    const auto difference = static_cast<int8_t>(differences[pc]);
    if (difference == kAbsoluteLine) {
      if (absolute == absolutes.size() || absolutes[absolute].pc != pc) return reader.fail("wrong line information");
      line = absolutes[absolute++].line;
    } else {
      line += difference;
    }
    if (line < 0 || line > INT32_MAX) return reader.fail("a line number is out of range");
    function.lines.push_back(static_cast<uint32_t>(line));
  }
}

void read_function(Reader& reader, Prototype& function, unsigned depth) {
  if (depth > kMaxDepth) return reader.fail("functions nested too deep");
  function.source = reader.string();
  function.line_defined = reader.integer();
  function.last_line = reader.integer();
  function.parameters = reader.byte();
  function.vararg = reader.byte() != 0;
  function.stack_size = reader.byte();

  function.code.resize(reader.count(sizeof(uint32_t)));
  for (Instruction& instruction : function.code) {
    instruction.word = reader.host<uint32_t>();
    if (static_cast<uint8_t>(instruction.opcode()) >= kOpcodeCount) reader.fail("an unknown instruction");
  }
  const size_t constants = reader.count(1);
  for (size_t i = 0; i < constants && !reader.failed(); ++i)
    function.constants.push_back(read_constant(reader));

  function.upvalues.resize(reader.count(3));
  for (Upvalue& upvalue : function.upvalues) {
    upvalue.in_stack = reader.byte() != 0;
    upvalue.index = reader.byte();
    (void)reader.byte();  // kind: regular, constant, to be closed
  }
  constexpr size_t kSmallestFunction = 12;
  function.children.resize(reader.count(kSmallestFunction));
  for (Prototype& child : function.children) {
    if (reader.failed()) return;
    read_function(reader, child, depth + 1);
  }

  read_lines(reader, function);
  function.locals.resize(reader.count(3));
  for (Local& local : function.locals) {
    local.name = reader.string();
    local.start_pc = reader.integer();
    local.end_pc = reader.integer();
  }
  const size_t names = reader.count(1);
  if (names > function.upvalues.size()) return reader.fail("more names than upvalues");
  for (size_t i = 0; i < names; ++i)
    function.upvalues[i].name = reader.string();
}

}  // namespace

Result<Prototype> parse_bytecode(std::string_view dump) {
  Reader reader(dump);
  Prototype main;
  read_header(reader);
  (void)reader.byte();  // how many upvalues the main closure gets: the prototype says it again
  if (!reader.failed()) read_function(reader, main, 0);
  if (!reader.failed() && reader.left() != 0) reader.fail("bytes after the end of the bytecode");
  if (reader.failed()) return input_error(reader.problem());
  return main;
}

}  // namespace perilune::compiler
