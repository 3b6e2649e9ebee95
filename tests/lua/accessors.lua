-- Numbers and strings at byte offsets, in the byte order of the machine.
local data = require 'data'

local function raises(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, 'no error; expected: ' .. pattern)
  assert(tostring(message):find(pattern), 'the message is: ' .. tostring(message))
end

local text = '\x80\xff\x7f\x01\xfe\xdc\xba\x98\x76\x54'
for name, code in pairs {
  int8 = '=i1', uint8 = '=I1', int16 = '=i2', uint16 = '=I2', int32 = '=i4', uint32 = '=I4', int64 = '=i8', uint64 = '=i8',
  byte = '=I1', number = '=i8',
} do
  local size = string.packsize(code)
  local d = data.new(text)
  local get, set = d['get' .. name], d['set' .. name]
  for offset = 0, #text - size do
    local value = string.unpack(code, text, offset + 1)
    assert(get(d, offset) == value and math.type(get(d, offset)) == 'integer', name)
    local fresh = data.new(#text)
    fresh['set' .. name](fresh, offset, value)
    assert(fresh:getstring(offset, size) == string.pack(code, value), name)
    assert(fresh:getstring(0, offset) == ('\0'):rep(offset) and fresh['get' .. name](fresh, offset) == value)
  end
  for _, offset in ipairs {-1, #text - size + 1, #text, math.maxinteger, math.mininteger} do
    raises('out of range: ' .. size .. ' bytes at offset', get, d, offset)
    raises('out of range', set, d, offset, 0)
  end
  assert(tostring(d) == text)
  set(d, 0, -1)
  assert(d:getstring(0, size) == ('\xff'):rep(size))
  if size < 8 then
    set(d, 0, (1 << (8 * size)) | 5) -- masked to the width
    assert(get(d, 0) == 5)
  end
  raises('number expected', get, d)
  raises('number expected', set, d, 0)
  raises('number expected, got string', set, d, 0, 'x')
  raises('no integer representation', set, d, 0, 1.5)
  raises('no integer representation', get, d, 0.5)
end

local d = data.new 'abcdef'
assert(d:getstring(0) == 'abcdef' and d:getstring(2) == 'cdef' and d:getstring(2, 3) == 'cde' and d:getstring(6) == '')
assert(d:getstring(0, 0) == '' and d:getstring(2, nil) == 'cdef')
raises('out of range', d.getstring, d, 7)
raises('out of range', d.getstring, d, -1)
raises('out of range', d.getstring, d, 2, 5)
raises('out of range', d.getstring, d, 0, -1)
raises('out of range', d.getstring, d, math.maxinteger, math.maxinteger)
d:setstring(1, 'XY')
assert(tostring(d) == 'aXYdef')
d:setstring(6, '')
d:setstring(0, 12)
assert(tostring(d) == '12Ydef')
d:setstring(4, data.new 'zz')
assert(tostring(d) == '12Ydzz')
raises('out of range: 3 bytes at offset 4 of 6', d.setstring, d, 4, 'abc')
raises('out of range', d.setstring, d, -1, 'a')
raises('out of range', d.setstring, d, 7, '')
raises('string expected, got nil', d.setstring, d, 0, nil)
assert(tostring(d) == '12Ydzz')

-- they stay inside the segment
local seg = data.new 'abcdef':segment(2, 2)
assert(seg:getbyte(0) == 0x63 and seg:getstring(0) == 'cd')
raises('out of range', seg.getbyte, seg, 2)
raises('out of range', seg.setuint32, seg, 0, 1)
