-- __index of a constant table: another table.
local defaults = {[6] = true, [17] = false, [1] = 'reject'}
local special = setmetatable({[17] = 'pass'}, {__index = defaults})

function filter(hdr, pld, pkt)
  return special[pkt.protocol]
end
