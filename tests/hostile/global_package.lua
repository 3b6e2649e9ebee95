-- expect refused: 'package' is not available in the sandbox
-- Shared libraries.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    package.loadlib('libc.so.6', '*')
  end
  return packets ~= 2
end
