-- expect packet: not enough memory: the script's limit is 64 MiB
-- table.concat of a hundred megabytes.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = {}
    local function big(size)
      local s = 'x'
      while #s < size do s = s .. s end
      return s
    end
    local s = big(1 << 20)
    for i = 1, 100 do t[i] = s end
    table.concat(t)
  end
  return packets ~= 2
end
