-- pkt.frame: the whole frame.
function filter(hdr, pld, pkt)
  local frame = pkt.frame
  if frame == nil then return false end
  pkt.mark = #frame << 8 | frame[#frame - 1]
  return #frame - #hdr - #pld == 14
end
