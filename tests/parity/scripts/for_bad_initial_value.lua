-- A loop from nil is an error with Lua's words.
function filter(hdr, pld, pkt)
  local n = 0
  for i = pkt.sport, 70000, 10000 do n = n + 1 end
  return n > 3
end
