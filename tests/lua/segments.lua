-- d:segment([offset [, length]])
local data = require 'data'

local function raises(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, 'no error; expected: ' .. pattern)
  assert(tostring(message):find(pattern), 'the message is: ' .. tostring(message))
end

local d = data.new '0123456789'

-- defaults
assert(tostring(d:segment()) == '0123456789')
assert(tostring(d:segment(3)) == '3456789')
assert(tostring(d:segment(3, 4)) == '3456')
assert(tostring(d:segment(nil, 4)) == '0123')
assert(tostring(d:segment(3, nil)) == '3456789')
assert(tostring(d:segment(3.0, 4.0)) == '3456')

-- the ends
assert(#d:segment(10) == 0 and tostring(d:segment(10)) == '')
assert(#d:segment(10, 0) == 0 and #d:segment(0, 0) == 0)
assert(d:segment(11) == nil and d:segment(-1) == nil)
assert(d:segment(2, -1) == nil and d:segment(0, math.mininteger) == nil)
assert(d:segment(math.maxinteger) == nil and d:segment(math.mininteger) == nil)
assert(d:segment(math.maxinteger, math.maxinteger) == nil)
assert(select('#', d:segment(11)) == 1)

-- the departure: a length that reaches past the end is cut to the end
assert(tostring(d:segment(8, 5)) == '89')
assert(tostring(d:segment(0, 255)) == '0123456789')
assert(#d:segment(10, 1) == 0)
assert(#d:segment(1, math.maxinteger) == 9)
assert(d:segment(11, 1) == nil)

-- bad arguments
raises('number expected, got string', d.segment, d, 'x')
raises('number expected, got table', d.segment, d, 0, {})
raises('no integer representation', d.segment, d, 1.5)
raises('no integer representation', d.segment, d, 0 / 0)
raises('no integer representation', d.segment, d, 0, 1e300)

-- the same memory, both ways
local seg = d:segment(2, 3)
seg[0] = 0x78
assert(tostring(d) == '01x3456789')
d[4] = 0x79
assert(tostring(seg) == 'x3y')

-- segments of segments
local inner = seg:segment(1)
assert(tostring(inner) == '3y' and #inner == 2)
assert(#inner:segment(0, 100) == 2) -- never beyond the segment it was made of
assert(inner:segment(3) == nil)
local same = d
for _ = 1, 200 do same = same:segment(0, 9) end
assert(tostring(same) == '01x3y5678')

-- it starts with no layout, and has its own
d:layout {first = {0, 8}}
seg = d:segment(1)
assert(seg.first == nil)
seg:layout {first = {0, 8}}
assert(d.first == 0x30 and seg.first == 0x31)

-- it keeps its memory alive after the parent is collected
d, inner, same = nil, nil, nil
collectgarbage() collectgarbage()
local filler = {}
for i = 1, 1000 do filler[i] = ('z'):rep(i) end
assert(tostring(seg) == '1x3y56789')

-- data.strict_segments brings the original's rule back
d = data.new '0123456789'
data.strict_segments = true
assert(d:segment(0, 11) == nil and d:segment(8, 5) == nil and d:segment(10, 1) == nil)
assert(tostring(d:segment(8, 2)) == '89' and #d:segment(10) == 0 and #d:segment(10, 0) == 0 and d:segment(11) == nil)
data.strict_segments = nil
assert(#d:segment(0, 11) == 10)
data.strict_segments = false
assert(#d:segment(0, 11) == 10)
