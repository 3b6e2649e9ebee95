-- Layouts: every spelling, numbers and strings, what lies outside, bad ones.
local data = require 'data'

local function raises(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, 'no error; expected: ' .. pattern)
  assert(tostring(message):find(pattern, 1, false), 'the message is: ' .. tostring(message))
end
local function read(bytes, description)
  return data.new(bytes):layout {f = description}.f
end

-- d:layout returns d; data.layout compiles in place and returns the table
local d = data.new {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x11}
assert(d:layout {a = {0, 8}} == d)
local t = {a = {0, 8}, b = {8, 16}}
assert(data.layout(t) == t and data.layout(t) == t)
assert(type(t.a) == 'userdata' and tostring(t.b) == 'field: number of 16 bits at byte 1 bit 0, big-endian')
assert(d:layout(t).b == 0x3456)
local plain = {a = {8, 8}}
d:layout(plain)
assert(type(plain.a) == 'userdata' and d.a == 0x34)

-- positions and names; names win where both are given
local B = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0}
assert(read(B, {4, 8}) == 0x23)
assert(read(B, {offset = 4, length = 8}) == 0x23)
assert(read(B, {4, length = 8}) == 0x23)
assert(read(B, {0, 16, type = 'number', endian = 'little'}) == 0x3412)
assert(read(B, {offset = 0, length = 16, endian = 'little'}) == 0x3412)
assert(read(B, {99, 99, offset = 8, length = 16}) == 0x3456)
assert(read(B, {0, 16, 'number', 'little'}) == 0x3412)
assert(read(B, {0, 16, nil, 'little'}) == 0x3412)
assert(read(B, {'8', 16.0}) == 0x3456)

-- type and byte order by their first letter
for _, type in ipairs {'number', 'n', 'num', 'nonsense'} do assert(read(B, {0, 16, type}) == 0x1234, type) end
for _, type in ipairs {'string', 's', 'str', 'sxx'} do assert(read(B, {1, 2, type}) == '\x34\x56', type) end
for _, order in ipairs {'big', 'b', 'be', 'net', 'n', 'network'} do assert(read(B, {0, 16, 'n', order}) == 0x1234, order) end
for _, order in ipairs {'little', 'l', 'le'} do assert(read(B, {0, 16, 'n', order}) == 0x3412, order) end
local host = string.unpack('=I2', '\x12\x34')
for _, order in ipairs {'host', 'h'} do assert(read(B, {0, 16, 'n', order}) == host, order) end

-- the spelling before July 2014: byte order third
assert(read(B, {0, 64, 'little'}) == string.unpack('<i8', string.char(table.unpack(B))))
assert(read(B, {0, 16, 'big'}) == 0x1234 and read(B, {0, 16, 'net'}) == 0x1234 and read(B, {0, 16, 'host'}) == host)
assert(read(B, {0, 16, 'le'}) == 0x3412 and read(B, {0, 16, 'n'}) == 0x1234)

-- most significant bit first, any alignment, across bytes, 1 to 64 bits
assert(read({0x80}, {0, 1}) == 1 and read({0x7f}, {0, 1}) == 0 and read({0x01}, {7, 1}) == 1)
assert(read(B, {0, 4}) == 1 and read(B, {4, 4}) == 2)
assert(read(B, {4, 16}) == 0x2345 and read(B, {4, 60}) == 0x23456789abcdef0)
assert(read(B, {0, 64}) == 0x123456789abcdef0)
local nine = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x1f}
assert(read(nine, {4, 64}) == 0x23456789abcdef01)
assert(read(nine, {7, 64}) == (0x123456789abcdef0 << 7 | 0x1f >> 1))
-- unsigned; a 64-bit value wraps
assert(read({0xff, 0xff}, {0, 16}) == 65535 and read({255, 255, 255, 255}, {0, 32}) == 4294967295)
assert(read({255, 255, 255, 255, 255, 255, 255, 255}, {0, 64}) == -1)
assert(read({255, 255, 255, 255, 255, 255, 255, 255}, {0, 63}) == math.maxinteger)
assert(math.type(read(B, {0, 8})) == 'integer')

-- little-endian numbers that are not whole bytes: groups of eight bits from the front, the short one on top
assert(read({0x34, 0x50}, {0, 12, 'little'}) == 0x534)
assert(read({0x03, 0x45}, {4, 12, 'little'}) == 0x534)
assert(read({0xab}, {2, 5, 'little'}) == read({0xab}, {2, 5}))
assert(read({0x12, 0x34}, {4, 8, 'little'}) == 0x23)
d = data.new {0xff, 0xff, 0xff}
d:layout {x = {4, 12, 'little'}, all = {0, 24}}
d.x = 0x534
assert(d.x == 0x534 and d.all == 0xf345ff)

-- strings: bytes
d = data.new 'abcdef'
d:layout {s = {1, 3, 'string'}, all = {0, 6, 's'}, over = {1, 6, 's'}, at_end = {6, 1, 's'}, none = {0, 0, 's'}}
assert(d.s == 'bcd' and d.all == 'abcdef' and d.over == nil and d.at_end == nil and d.none == nil)
d.s = 'X'
assert(tostring(d) == 'aXcdef') -- at most `length` bytes, the rest stays
d.s = '12345'
assert(tostring(d) == 'a123ef')
d.s = ''
assert(tostring(d) == 'a123ef')
d.s = '\0\0\0'
assert(tostring(d) == 'a\0\0\0ef')
d.s = 789
assert(tostring(d) == 'a789ef')
d.over = 'no'
d.none = 'no'
assert(tostring(d) == 'a789ef')
d.s = data.new 'xyz!'
assert(tostring(d) == 'axyzef')
d.all = d:segment(1) -- overlapping
assert(tostring(d) == 'xyzeff')

-- masked to the width
d = data.new(2):layout {low = {12, 4}, byte = {0, 8}, all = {0, 16}}
d.low = 0x1ff
assert(d.low == 15 and d.all == 15)
d.byte = -1
assert(d.byte == 255 and d.all == 0xff0f)
d.byte = 3.0
assert(d.byte == 3)
d.byte = '17'
assert(d.byte == 17)

-- unknown fields, fields (partly) outside, lengths of 0 and above 64 bits: nil, and nothing written
d = data.new {1, 2}
d.no = 0xdead
assert(d.no == nil)
d:layout {
  straddle = {12, 5}, after = {16, 1}, far = {1 << 40, 8}, farther = {math.maxinteger, 64}, zero = {0, 0}, wide = {0, 65},
  widest = {0, math.maxinteger}, text = {0, 3, 's'}, text_far = {math.maxinteger, math.maxinteger, 's'}, ok = {15, 1},
}
for _, name in ipairs {'straddle', 'after', 'far', 'farther', 'zero', 'wide', 'widest', 'text', 'text_far', 'unknown'} do
  assert(d[name] == nil, name)
  d[name] = 1
  assert(tostring(d) == '\1\2', name)
end
assert(d.ok == 0)
d = data.new(128):layout {wide = {0, 65}, most = {0, 64}}
d.most = -1
assert(d.wide == nil and d.most == -1)

-- methods shadow fields named layout and segment
d = data.new {1, 2, 3}
local l = data.layout {layout = {0, 8}, segment = {8, 8}, getbyte = {16, 8}, other = {0, 8}}
d:layout(l)
assert(type(d.layout) == 'function' and type(d.segment) == 'function')
d.layout = 9
d.segment = 9
assert(tostring(d) == '\1\2\3' and #d:segment(1) == 2)
l.segment = l.other
assert(type(d.segment) == 'function')
assert(d.getbyte == 3) -- the accessors are younger: fields come first
d.getbyte = 4
assert(d.getbyte == 4 and d:segment():getbyte(2) == 4)

-- any key can name a field
local key = {}
d = data.new {1, 2, 3, 4}:layout {[1] = {24, 8}, [key] = {8, 8}, [true] = {16, 8}, [0.5] = {0, 8}, [''] = {8, 8}}
assert(d[1] == 4 and d[key] == 2 and d[true] == 3 and d[0.5] == 1 and d[''] == 2 and d[0] == 1 and d[2] == 3)
d[1] = 44
assert(tostring(d) == '\1\2\3\44')

-- a layout is a plain table: it may be changed at any time
l = data.layout {a = {0, 8}}
d = data.new {1, 2}:layout(l)
l.b = {8, 8}
assert(d.b == 2 and type(l.b) == 'userdata')
l.a = {8, 8}
assert(d.a == 2)
l.a = nil
assert(d.a == nil)
l.c = l.b
assert(d.c == 2)
l.d = 'junk'
raises("field 'd': must be a table", function() return d.d end)
raises("field 'd': must be a table", function() d.d = 1 end)
-- and shared
local e = data.new {7, 8}:layout(l)
assert(e.c == 8 and d.c == 2)
local shared = {0, 8}
assert(data.new {5}:layout {x = shared, y = shared}.y == 5)
assert(shared[1] == 0)

-- a layout with a metatable of its own
local called = 0
local strange = setmetatable({a = {0, 8}}, {
  __index = function() called = called + 1 return {0, 8} end,
  __newindex = function() called = called + 1 end,
  __len = function() called = called + 1 return 5 end,
  __pairs = function() called = called + 1 return function() end end,
})
d:layout(strange)
assert(d.a == 1 and d.zzz == nil and called == 0)
assert(getmetatable(strange).__len)
raises('its offset is missing', data.layout, {a = setmetatable({}, {__index = {0, 8}})})

-- applying another layout replaces the first
d:layout {x = {0, 8}}
assert(d.x == 1 and d.a == nil)

-- bad layouts raise errors that name the field
raises("field 'b': must be a table .*got a string", data.layout, {b = 'junk'})
raises("field 'b': must be a table .*got a number", data.layout, {b = 1})
raises("field %[1%]: must be a table", data.layout, {'junk'})
raises("field %[a boolean%]", data.layout, {[true] = 1})
raises("field %[1.5%]", data.layout, {[1.5] = 1})
raises("field 'b': its type must be a string, got a boolean", data.layout, {b = {0, 8, true}})
raises("field 'b': its type must be a string, got a number", data.layout, {b = {0, 8, 1}})
raises("field 'b': its byte order must be a string, got a table", data.layout, {b = {0, 8, 'n', {}}})
raises("field 'b': unknown type 'x'", data.layout, {b = {0, 8, 'x'}})
raises("field 'b': unknown type ''", data.layout, {b = {0, 8, ''}})
raises("field 'b': unknown type 'Number'", data.layout, {b = {0, 8, 'Number'}})
raises("field 'b': unknown type 'ipv5'", data.layout, {b = {0, 8, 'ipv5'}})
raises("field 'b': unknown byte order 'x'", data.layout, {b = {0, 8, 'number', 'x'}})
raises("field 'b': unknown byte order ''", data.layout, {b = {0, 8, endian = ''}})
raises("field 'b': its byte order is given twice", data.layout, {b = {0, 8, 'little', 'big'}})
raises("field 'b': its offset is missing", data.layout, {b = {}})
raises("field 'b': its length is missing", data.layout, {b = {0}})
raises("field 'b': its offset is missing", data.layout, {b = {length = 8}})
raises("field 'b': its offset %-1 is negative", data.layout, {b = {-1, 8}})
raises("field 'b': its length %-8 is negative", data.layout, {b = {0, -8}})
raises("field 'b': its offset 1.5 is not a whole number", data.layout, {b = {1.5, 8}})
raises("field 'b': its length .* is not a whole number", data.layout, {b = {0, 0 / 0}})
raises("field 'b': its length must be a whole number, got a boolean", data.layout, {b = {0, true}})
raises("field 'b': its offset must be a whole number, got a string", data.layout, {b = {'x', 8}})
raises("field '" .. ('n'):rep(64) .. "%.%.%.'", data.layout, {[('n'):rep(100000)] = 1})
raises('table expected, got string', data.layout, 'x')
raises('table expected, got no value', data.layout)
raises('table expected, got nil', d.layout, d, nil)
raises('table expected', d.layout, d, 5)
-- again: a layout that failed once is not taken for a good one
local bad = {a = {0, 8}, b = 'junk', inner = {0, {c = 'junk'}}}
for _ = 1, 3 do
  raises("must be a table", data.layout, bad)
  raises("must be a table", d.layout, d, bad)
end
bad.b = nil
for _ = 1, 3 do raises("field 'c'", data.layout, bad) end

-- values that cannot be written
d = data.new(4):layout {n = {0, 8}, s = {0, 4, 's'}}
for _, value in ipairs {true, {}, print, 'x', d} do
  raises("field 'n': cannot write a %a+, it needs a whole number", function() d.n = value end)
end
raises("field 'n': cannot write a nil", function() d.n = nil end)
raises("field 'n': cannot write 1.5", function() d.n = 1.5 end)
raises("field 'n': cannot write", function() d.n = 0 / 0 end)
raises("field 'n': cannot write", function() d.n = 2.0 ^ 63 end)
raises("field 's': cannot write a boolean, it needs a string", function() d.s = true end)
raises("field 's': cannot write a nil", function() d.s = nil end)
assert(tostring(d) == '\0\0\0\0')
