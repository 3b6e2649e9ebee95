-- Whatever a script does, it gets nil, nothing, or an error; and the memory around its objects is never touched.
local data = require 'data'

-- garbage where layouts, offsets and lengths are expected
local junk = {
  0, 1, -1, 7, 8, 63, 64, 65, 1 << 31, 1 << 32, 1 << 60, 1 << 61, math.maxinteger, math.mininteger, 0.5, 1e300, -1e300, 0 / 0,
  1 / 0, -1 / 0, '', 'x', '8', 'number', 'string', 'signed', 'ipv4', 'ipv6', 'mac', 'little', true, false, {}, {{}},
  print, coroutine.create(print), data, data.new {1, 2, 3}, data.layout {a = {0, 8}}.a, ('long'):rep(1000),
}
junk[0] = nil
local objects = {data.new {1}, data.new(64), data.new(3):segment(1, 1), data.new(9):segment(9)}
for _, d in ipairs(objects) do
  for _, offset in pairs(junk) do
    pcall(function() return d[offset] end)
    pcall(function() d[offset] = 1 end)
    pcall(d.segment, d, offset)
    pcall(data.new, offset ~= 1 << 31 and offset ~= 1 << 32 and offset or 1)
    for _, length in pairs(junk) do
      pcall(d.segment, d, offset, length)
      pcall(d.getstring, d, offset, length)
      pcall(d.setstring, d, offset, length)
      pcall(d.setuint64, d, offset, length)
      for _, kind in ipairs {'number', 'string', 'signed', 'ipv4', 'ipv6', 'mac', 'little'} do
        local ok = pcall(d.layout, d, {f = {offset, length, kind}})
        if ok then
          pcall(function() return d.f end)
          for i = 1, #junk, 5 do pcall(function() d.f = junk[i] end) end
        end
      end
    end
  end
end

-- a layout changed while it is walked over, or applied to many
local l = {}
for i = 1, 100 do l['f' .. i] = {i, 8} end
local d = data.new(200):layout(l)
for name in pairs(l) do
  local _ = d[name]
  l[name] = nil
  collectgarbage 'step'
end
assert(next(l) == nil)

-- a compiled field taken out of its layout is only a value
local field = data.layout {a = {0, 8}}.a
assert(not pcall(function() return field.x end) and not pcall(function() field.x = 1 end) and not pcall(function() return #field end))
assert(not pcall(d.layout, d, field))
d:layout {b = {0, 8}}
local other = {moved = field}
assert(d:layout(other).moved == 0)

-- the stamp of a compiled layout cannot be carried over to make junk a field
assert(getmetatable(other) == 'data.layout' and not pcall(setmetatable, {}, getmetatable(other)))

-- finalizers that use objects while everything is torn down
local kept = data.new 'finalizer'
setmetatable({}, {__gc = function() kept:layout {x = {0, 8}} kept.x = 1 local _ = kept.x, tostring(kept), kept:segment(2, 4) end})
setmetatable({}, {__close = function() end})
kept = kept:segment(1)
collectgarbage()

-- coroutines share objects
local co = coroutine.wrap(function(o)
  while true do
    o[0] = o[0] + 1
    coroutine.yield(o:segment(0, 1))
  end
end)
local o = data.new {0, 0}
for _ = 1, 10 do assert(co(o)[0] == o[0]) end
assert(o[0] == 10)
