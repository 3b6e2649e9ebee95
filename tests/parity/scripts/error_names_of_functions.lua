-- A library function has the name by which it is called in messages.
local byte, list = string.byte, {string.byte, sub = string.sub}
local function function_of() return string.byte end
function filter(hdr, pld, pkt)
  local text, first = tostring(pld:segment(0, 4)), list[1]
  local which = hdr[8] & 7
  if which == 0 then return byte(text, pkt) == 1 end
  if which == 1 then return first(text, {}) == 1 end
  if which == 2 then return list.sub(text, pkt) == 'a' end
  if which == 3 then return text:byte(pkt) == 1 end
  if which == 4 then return text:byte(1, pkt) end
  if which == 5 then return byte(pkt) end
  if which == 6 then return list[1](text, pkt) end
  return function_of()(text, pkt)
end
