-- expect packet: filter returned a table
-- A result that is no verdict.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    return {}
  end
  return packets ~= 2
end
