-- expect refused: 'os' is not available in the sandbox
-- Commands.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    os.execute('true')
  end
  return packets ~= 2
end
