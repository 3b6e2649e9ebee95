-- Text joined from parts of the packet as key of a constant table.
local known = {['6/22'] = true, ['6/80'] = false, ['17/53'] = false, ['17/5060'] = true, ['1/nil'] = 'reject'}

function filter(hdr, pld, pkt)
  local verdict = known[pkt.protocol .. '/' .. tostring(pkt.dport)]
  if verdict ~= nil then return verdict end
  return (tostring(pld:segment(0, 2)) .. '!'):byte(-2) ~= 10
end
