-- A lowered word as key of a constant table.
local words = {get = 1, post = 2, host = 3, user = 4, ehlo = 5, http = 6, invite = 7, register = 8}

function filter(hdr, pld, pkt)
  local word = tostring(pld:segment(0, 10)):match('^%a+')
  local n = word and words[word:lower()]
  if n then return n % 2 == 0 end
end
