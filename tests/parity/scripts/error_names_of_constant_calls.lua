-- Calls on constants that fail: the message has the name by which the function is called, and counts its arguments so.
local l = map.lpm {name = 'l', key = 'ip', value = 'u16', size = 9}
function filter(hdr, pld, pkt)
  local c = (pkt.length or 0) % 19
  if c == 1 then return math.fmod(1, 0) end
  if c == 2 then return ('x'):rep('y') end
  if c == 3 then return 'Block' end
  if c == 4 then return l['x'] == 1 end
  if c == 5 then return string.format('%d', 'x') == '' end
  if c == 6 then return l[7] == 1 end
  if c == 7 then return l[#pld] == 1 end
  if c == 8 then return ('x'):rep(-1):byte('q') end
  if c == 9 then return utf8.char(-1) end
  if c == 10 then return math.sqrt('q') == 1 end
  if c == 11 then local f = math.fmod return f(3, 'q') == 1 end
  if c == 12 then local t = {f = string.pack} return t.f('i17', 1) == 1 end
  if c == 13 then local t = {f = string.rep} return t.f('i17') == 1 end
  if c == 14 then return ('%d'):format('q') end
  if c == 15 then return ('x'):gsub('(', '') end
  if c == 16 then return utf8.len('\xff', 9) end
  if c == 17 then return string.unpack('i4', 'ab') end
  if c == 18 then return 'blok' end
end
