-- expect refused: 'dofile' is not available in the sandbox
-- Code from any file.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    dofile('/etc/passwd')
  end
  return packets ~= 2
end
