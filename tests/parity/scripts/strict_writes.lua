-- data.strict: writes outside are errors that name the field.
data.strict = true
local f = data.layout {first = {0, 8}, far = {320, 8}}

function filter(hdr, pld, pkt)
  local v = pld:layout(f)
  if #pld > 1 then v.far = 7 end
  return #pld > 41
end
