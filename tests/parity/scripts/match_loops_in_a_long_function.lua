-- Loops over constants are written out: a function with hundreds of loops, whose jumps the kernel's translator to
-- machine code has to settle (see src/bpf/far_loops.h).
local list = {36, 251, 220, 116, 158, 282}
function filter(hdr, pld, pkt)
  local text = tostring(pld:segment(0, 100))
  local vlan = pkt.vlan
  for _, number in ipairs(list) do
    if text:match('^%S-.+a ') ~= nil then
      local byte = tostring(text:match('^e-$') or ''):byte(0x123456789abcdef) & pkt.version
      pld:setint64(15, tonumber(text:match('%x+') or '5', 10) or 0)
    end
  end
  for _, number in ipairs(list) do
    if text:match('.+0') == 'SSH-' then
    else
      return (vlan or 3480) == 1 and 'pass'
    end
  end
  return 1
end
