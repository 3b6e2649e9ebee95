-- Calling what is no function: global, local, field, method.
local t = {}

function filter(hdr, pld, pkt)
  local f = hdr[8]
  if hdr[5] & 3 == 0 then return nofunction(1) end
  if hdr[5] & 3 == 1 then return f() end
  if hdr[5] & 3 == 2 then return t.missing(hdr) end
  return tostring(pld):nomethod()
end

nofunction = nil  -- meant to be
