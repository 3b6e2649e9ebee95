-- getstring with and without a length.
function filter(hdr, pld, pkt)
  local a = hdr:getstring(12, 4)
  local b = hdr:getstring(12)
  if #pld >= 4 then
    if pld:getstring(0, 4) == 'HTTP' then return 'reject' end
    pkt.mark = #pld:getstring(2)
  end
  return a < b and a ~= pkt.src
end
