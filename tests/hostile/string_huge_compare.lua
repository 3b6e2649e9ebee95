-- expect packet: (instruction budget spent|time limit reached)
-- One instruction that compares 12 MiB.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local function big(size)
      local s = 'x'
      while #s < size do s = s .. s end
      return s
    end
    local a = big(8 << 20) .. 'a'
    local b = big(8 << 20) .. 'b'
    local n = 0
    while true do if a < b then n = n + 1 end end
  end
  return packets ~= 2
end
