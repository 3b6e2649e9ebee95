-- Objects: data.new, #, tostring, concatenation, identity.
local data = require 'data'

local function bytes(d) return {tostring(d):byte(1, -1)} end
local function same(d, ...)
  local have, want = bytes(d), {...}
  assert(#have == #want, 'length ' .. #have .. ' instead of ' .. #want)
  for i = 1, #want do assert(have[i] == want[i], 'byte ' .. i .. ' is ' .. have[i]) end
end
local function raises(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, 'no error; expected: ' .. pattern)
  assert(tostring(message):find(pattern), 'the message is: ' .. tostring(message))
end

-- data.new(table): a copy of the byte values 1..n
local t = {1, 2, 0xff}
local d = data.new(t)
same(d, 1, 2, 255)
t[1] = 9
same(d, 1, 2, 255)
d[0] = 7
assert(t[1] == 9)
same(data.new {256, -1, 0x1234, 65.0, '66'}, 0, 255, 0x34, 65, 66) -- masked to a byte; what Lua takes for an integer is one
same(data.new {1, 2, key = 3, [0] = 9}, 1, 2)
same(data.new(setmetatable({5}, {__index = function() return 1 end, __len = function() return 100 end})), 5)
raises('element 2 of the table is a string', data.new, {1, 'x'})
raises('element 1 of the table is a boolean', data.new, {true})
raises('element 3 of the table is a table', data.new, {1, 2, {}})
raises('element 1 of the table is a number, not a whole number', data.new, {1.5})
raises('element 1', data.new, {0 / 0})
raises('element 1', data.new, {1e300})

-- data.new(n): zero bytes
same(data.new(3), 0, 0, 0)
same(data.new(2.0), 0, 0)
assert(tostring(data.new(1000)) == ('\0'):rep(1000))
raises('negative', data.new, -1)
raises('negative', data.new, math.mininteger)
raises('no integer representation', data.new, 1.5)
raises('no integer representation', data.new, 0 / 0)

-- data.new(string): a copy
d = data.new 'a\0b'
same(d, 97, 0, 98)
assert(#d == 3 and tostring(d) == 'a\0b')
assert(tostring(data.new '12') == '12') -- a string of digits is a string
local text = 'constant'
d = data.new(text)
d[0] = 0x43
assert(text == 'constant' and tostring(d) == 'Constant')

-- data.new(object): a copy
local copy = data.new(d)
copy[0] = 0x6b
assert(tostring(d) == 'Constant' and tostring(copy) == 'konstant')

-- no value
for _, make in ipairs {
  function() return data.new() end, function() return data.new(nil) end, function() return data.new(0) end,
  function() return data.new {} end, function() return data.new '' end, function() return data.new(0.0) end,
  function() return data.new(copy:segment(0, 0)) end,
} do
  assert(select('#', make()) == 0)
  local value = make()
  assert(value == nil)
end
raises('table, number or string expected, got boolean', data.new, true)
raises('got function', data.new, print)
raises('data.field', data.new, data.layout {f = {0, 8}}.f)

-- identity, type, names
assert(type(d) == 'userdata' and d == d and d ~= copy and d:segment() ~= d)
assert(getmetatable(d) == 'data')
raises('protected', setmetatable, data.layout {a = {0, 8}}, {})
assert(getmetatable(data.layout {a = {0, 8}}.a) == 'data.field')

-- concatenation gives strings
d = data.new 'abc'
assert(d .. 'x' == 'abcx' and 'x' .. d == 'xabc' and d .. d == 'abcabc' and 1 .. d == '1abc' and d .. 2 .. d == 'abc2abc')
raises('concatenate a nil value', function() return d .. nil end)
raises('concatenate a table value', function() return {} .. d end)

-- an object is a table key like any other
local keyed = {[d] = 1}
assert(keyed[d] == 1)

-- wrong receivers
raises('data expected, got table', d.segment, {})
raises('data expected, got no value', d.layout)
raises('data expected, got nil', d.getbyte, nil, 1)
raises('data expected', d.segment, io and io.stdout or 1)
raises('data expected, got string', d.getstring, 'abc', 0)
raises('data expected', d.segment, data.layout {a = {0, 8}}.a)

-- memory lives as long as a view
for _ = 1, 50 do
  local seg = data.new(('x'):rep(1000)):segment(10, 10):segment(5)
  collectgarbage()
  assert(tostring(seg) == 'xxxxx')
end
