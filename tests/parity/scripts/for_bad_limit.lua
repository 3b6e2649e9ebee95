-- A loop up to nil is an error with Lua's words.
function filter(hdr, pld, pkt)
  local n = 0
  for i = 1, hdr[1] == 0 and 3 or nil do n = n + i end
  return n == 6
end
