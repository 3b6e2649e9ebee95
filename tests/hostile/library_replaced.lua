-- expect fine
-- Library functions replaced by nothing.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    string.find = nil
    string.match = nil
    table.concat = nil
    tostring = nil
    pcall = nil
  end
  return packets ~= 2
end
