-- expect fine
-- A script that throws its own library away.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local globals = _G
    for name in pairs(globals) do globals[name] = nil end
  end
  return packets ~= 2
end
