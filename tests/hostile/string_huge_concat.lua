-- expect packet: (instruction budget spent|time limit reached|not enough memory)
-- One instruction that copies 16 MiB.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local function big(size)
      local s = 'x'
      while #s < size do s = s .. s end
      return s
    end
    local s = big(16 << 20)
    while true do local t = s .. 'y' end
  end
  return packets ~= 2
end
