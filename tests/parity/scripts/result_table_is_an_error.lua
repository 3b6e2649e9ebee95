-- A table, a view or a function is no verdict.
local t = {}
function filter(hdr, pld, pkt)
  if pkt.protocol == 17 then return t end
  if pkt.protocol == 1 then return hdr end
  if hdr[5] & 7 == 0 then return filter end
end
