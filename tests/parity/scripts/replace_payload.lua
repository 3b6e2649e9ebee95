-- The payload becomes another of many lengths: constants, what is put together, parts of the packet itself. TCP, fragments
-- and frames without IP are errors of the script when the length differs.
local long = ('0123456789abcdef'):rep(64)
local function another(pld, pkt, n)
  local way = pkt.length % 9
  if way == 0 then return '' end
  if way == 1 then return 'short' end
  if way == 2 then return long end
  if way == 3 then return pld end
  if way == 4 then return pld:segment(n // 2) or 'none' end
  if way == 5 then return (tostring(pld:segment(0, 20) or 'x')):upper() .. ', it said' end
  if way == 6 then return tostring(pld:segment(1) or '') end
  if way == 7 then return n .. ' bytes of ' .. (pkt.protocol or 'none') end
  return pkt.src or 'nobody'
end

function filter(hdr, pld, pkt)
  pkt.payload = another(pld, pkt, #pld)
  if pkt.protocol == 17 and pkt.length % 4 == 1 then return 'reply' end
end
