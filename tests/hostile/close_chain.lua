-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Many variables to be closed, each with an endless loop.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local function deeper(n)
      local guard <close> = setmetatable({}, { __close = function() while true do end end })
      if n > 0 then deeper(n - 1) end
      while true do end
    end
    deeper(150)
  end
  return packets ~= 2
end
