-- __index from table to table, as far as Lua goes and one further; __call through tables; what stands in no variable has
-- no name in messages.
local function chain(length, last)
  for _ = 1, length do last = setmetatable({}, {__index = last}) end
  return last
end
local found, too_far = chain(1999, {x = 7}), chain(2001, {x = 7})
local absent, endless = chain(1999, {}), setmetatable({}, {})
getmetatable(endless).__index = endless
local deep = {}
for _ = 1, 100000 do deep = {deep, next = deep} end
local cyclic = {}
cyclic.self = cyclic
local count = function(...) return select('#', ...) end
for _ = 1, 90 do count = setmetatable({}, {__call = count}) end
local text, number = setmetatable({}, {__index = 'text'}), setmetatable({}, {__index = 5})
local typed, raw = setmetatable({}, {__index = type}), setmetatable({}, {__index = rawget})
local not_called = setmetatable({}, {__call = 5})
local by_byte = setmetatable({}, {__index = string.byte})
local function raw_of(t, key) return rawget(t, key) end

function filter(hdr, pld, pkt)
  local local_table = {11, a = hdr[4]}
  log('%d %s %s %d', found.x, tostring(absent.x), typed.x, count(1, 2))
  log('%s %s %s', type(text.len), tostring(raw.x), type(cyclic.self.self.self))
  log('%d %d %s', raw_of(local_table, 1), raw_of(local_table, 'a'), type(deep[1].next[1]))
  local which = hdr[8] & 7
  if which == 0 then return endless.x end
  if which == 1 then return too_far.x end
  if which == 2 then return number.x end
  if which == 3 then return not_called(1) end
  if which == 4 then for i in random, 1 do if i == 1 then break end end end
  if which == 5 then return by_byte.x end
  return which == 6
end
