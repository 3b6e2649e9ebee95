-- expect refused: 'load' is not available in the sandbox
-- Code made of strings.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    load('return 1')()
  end
  return packets ~= 2
end
