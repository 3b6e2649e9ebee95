-- data.strict: unknown fields are errors, known ones outside read nil.
data.strict = true
local f = data.layout {ttl = {64, 8}, far = {6000, 8}}

function filter(hdr, pld, pkt)
  local ip = hdr:layout(f)
  if ip.far ~= nil then return false end
  if ip.ttl == 64 then return true end
  return ip.tll == nil
end
