-- Arithmetic on booleans and views.
function filter(hdr, pld, pkt)
  local f = pkt.fragment
  if pkt.protocol == 17 then
    return f + 1 == 2
  elseif pkt.protocol == 6 then
    return -pld == 1
  end
end
