-- What the original did not have: more types, layouts in layouts, bytes by number, strictness.
local data = require 'data'

local function raises(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, 'no error; expected: ' .. pattern)
  assert(tostring(message):find(pattern), 'the message is: ' .. tostring(message))
end

-- signed numbers
local d = data.new {0xff, 0x80, 0x7f, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
d:layout {
  b = {0, 8, 'signed'}, s = {8, 16, 'signed'}, le = {16, 16, 'signed', 'little'}, bit = {0, 1, 'signed'},
  n5 = {8, 5, 'signed'}, w = {32, 64, 'signed'}, w63 = {33, 63, 'signed'}, u = {0, 8}, max = {16, 8, 'sig'},
}
assert(d.b == -1 and d.s == -32641 and d.le == -385 and d.bit == -1 and d.n5 == -16 and d.w == -1 and d.w63 == -1)
assert(d.u == 255 and d.max == 127)
d.b = -2
assert(d.b == -2 and d.u == 254)
d.b = 130
assert(d.b == -126)
d.n5 = 15
assert(d.n5 == 15 and d.u == 130)
d.le = -2
assert(d[2] == 0xfe and d[3] == 0xff)

-- ipv4, ipv6, mac: text
d = data.new(32)
d:layout {
  v4 = {0, 4, 'ipv4'}, v6 = {4, 16, 'ipv6'}, hw = {20, 6, 'mac'}, cut = {30, 4, 'ipv4'}, short = {26, type = 'mac'},
  v4bits = {0, 32, 'ipv4'}, v6bits = {32, 128, 'ipv6'}, hwbits = {160, 48, 'mac'}, ['end'] = {28, type = 'ipv4'},
}
d.v4 = '192.0.2.1'
assert(d.v4 == '192.0.2.1' and d.v4bits == '192.0.2.1' and d:getstring(0, 5) == '\xc0\0\2\1\0')
d.v4bits = '255.255.255.255'
assert(d.v4 == '255.255.255.255')
d.v6 = '2001:0db8:0:0:0:0:0:0001'
assert(d.v6 == '2001:db8::1' and d.v6bits == d.v6 and d:getstring(4, 16) == '\x20\1\x0d\xb8' .. ('\0'):rep(11) .. '\1')
d.v6 = '::'
assert(d.v6 == '::')
d.v6 = '::ffff:192.0.2.1'
assert(d.v6 == '::ffff:192.0.2.1')
d.hw = '02:00:5e:00:53:01'
assert(d.hw == '02:00:5e:00:53:01' and d.hwbits == d.hw and d:getstring(20, 6) == '\2\0\x5e\0\x53\1')
d.hw = 'AB-cd-EF-00-11-22'
assert(d.hw == 'ab:cd:ef:00:11:22')
assert(d.cut == nil)
d.cut = '1.2.3.4'
assert(d:getstring(30) == '\0\0' and d['end'] == '0.0.0.0' and d.short == '00:00:00:00:00:00')
for _, bad in ipairs {'1.2.3', '1.2.3.4.5', '256.1.1.1', '', '1.2.3.4 ', '1.2.3.4\0', 'localhost', ('1'):rep(1000)} do
  raises("field 'v4': .* is not an IPv4 address", function() d.v4 = bad end)
end
for _, bad in ipairs {':', '1.2.3.4', '2001:db8::1::2', 'fe80::1%eth0', '::1\0', ('0:'):rep(100)} do
  raises("field 'v6': .* is not an IPv6 address", function() d.v6 = bad end)
end
for _, bad in ipairs {'02:00:5e:00:53', '02:00:5e:00:53:0g', '2:0:5e:0:53:1', '02005e005301', '02.00.5e.00.53.01', '\0'} do
  raises("field 'hw': .* is not a MAC address", function() d.hw = bad end)
end
raises("field 'v4': cannot write a number", function() d.v4 = 1 end)
raises("field 'hw': cannot write a nil", function() d.hw = nil end)
assert(d.v4 == '255.255.255.255')
raises("field 'a': an address of this type is 4 bytes long", data.layout, {a = {0, 16, 'ipv4'}})
raises("field 'a': an address of this type is 16 bytes long", data.layout, {a = {0, 4, 'ipv6'}})
raises("field 'a': an address of this type is 6 bytes long", data.layout, {a = {0, 0, 'mac'}})
raises("field 'a': an address must start at a whole byte", data.layout, {a = {4, 32, 'ipv4'}})

-- a layout inside a layout: the offset is in bytes
local inner = {x = {0, 8}, y = {8, 8}}
local outer = data.layout {head = {0, 8}, body = {2, inner}, named = {offset = 3, layout = inner}, last = {4, inner},
                           beyond = {5, inner}}
d = data.new {1, 2, 3, 4}:layout(outer)
assert(d.head == 1 and d.body.x == 3 and d.body.y == 4 and #d.body == 2 and d.named.x == 4 and d.named.y == nil)
assert(type(inner.x) == 'userdata')
assert(#d.last == 0 and d.last.x == nil and d.beyond == nil)
d.body.x = 9
assert(d[2] == 9)
raises("field 'body' is a layout", function() d.body = 1 end)
assert(tostring(outer.body) == 'field: layout at byte 2')
-- it keeps the memory alive
local body = data.new {1, 2, 3, 4}:layout(outer).body
collectgarbage()
assert(body.y == 4)
-- layouts that contain each other, and themselves
local a, b = {v = {0, 8}}, {v = {0, 8}}
a.next, b.next, a.self = {1, b}, {1, a}, {0, a}
d = data.new {1, 2, 3}:layout(a)
assert(d.next.next.self.self.v == 3 and d.next.next.next.v == nil and d.next.next.next.next == nil)
-- nested as deep as it gets
local deep = {v = {0, 8}}
for _ = 1, 20000 do deep = {inner = {0, deep}} end
d:layout(deep)
local at = d
for _ = 1, 20000 do at = at.inner end
assert(at.v == 1)
raises("field 'l': its layout must be a table, got a string", data.layout, {l = {offset = 0, layout = 'x'}})
raises("field 'l': a layout inside a layout has an offset and nothing else", data.layout, {l = {0, {}, 'string'}})
raises("field 'l': its offset is missing", data.layout, {l = {nil, {}}})
raises("field 'l': its offset %-1 is negative", data.layout, {l = {-1, {}}})
raises("field 'inner_name': must be a table", data.layout, {l = {0, {inner_name = 7}}})

-- bytes by number, from 0
d = data.new {10, 20, 30}
assert(d[0] == 10 and d[2] == 30 and d[3] == nil and d[-1] == nil and d[1.0] == 20 and d[1.5] == nil)
assert(d[math.maxinteger] == nil and d[math.mininteger] == nil and d['0'] == nil)
d[1] = 0x1ff
assert(d[1] == 255)
d[3] = 1
d[-1] = 1
d[1.5] = 1
assert(tostring(d) == '\10\255\30')
d[2.0] = -1
assert(d[2] == 255)
raises("field %[0%]: cannot write a string", function() d[0] = 'x' end)
raises("field %[0%]: cannot write a nil", function() d[0] = nil end)
local sum = 0
for i = 0, #d - 1 do sum = sum + d[i] end
assert(sum == 10 + 255 + 255)

-- data.strict
d = data.new {1, 2}:layout {a = {0, 8}, out = {16, 8}, wide = {0, 65}, text = {0, 3, 's'}, in_it = {0, {z = {0, 8}}}}
local bare = data.new {1}
data.strict = true
raises("no field 'nothing' in this data's layout", function() return d.nothing end)
raises("no field 'nothing' in this data's layout", function() d.nothing = 1 end)
raises("no field 'a': this data has no layout", function() return bare.a end)
raises("no field 'a': this data has no layout", function() bare.a = 1 end)
raises("no field 'y' in", function() return d.in_it.y end)
raises("no field %[1.5%]", function() return d[1.5] end)
raises("no field %[a boolean%]", function() return d[true] end)
raises("cannot write field 'out': it lies outside the 2 bytes", function() d.out = 1 end)
raises("cannot write field 'text': it lies outside the 2 bytes", function() d.text = 'abc' end)
raises("cannot write field 'wide': its length is 0 or above 64 bits", function() d.wide = 1 end)
raises("cannot write field %[2%]: it lies outside", function() d[2] = 1 end)
raises("cannot write field %[%-1%]: it lies outside", function() d[-1] = 1 end)
raises("cannot write 'segment': it is a method", function() d.segment = 1 end)
raises("no field 'getbyte'", function() d.getbyte = 1 end)
assert(d.a == 1 and d.out == nil and d.wide == nil and d[2] == nil and d.getbyte and #d:segment(0, 5) == 2)
d.a = 7
assert(d[0] == 7)
data.strict = false
d.out, d.nothing, d.segment = 1, 1, 1
assert(tostring(d) == '\7\2')
-- only the module's own value counts
setmetatable(data, {__index = {strict = true}})
assert(d.nothing == nil)
setmetatable(data, nil)
