-- pkt.length is what the packet had when it came, whatever is written to its header.
function filter(hdr, pld, pkt)
  local before = pkt.length
  for i = 1, 3 do
    hdr[5] = (pkt.length + i) & 0xff
    if pkt.length ~= before then return false end
  end
  hdr[5] = (pkt.version == 6 and before - 40 or before) & 0xff
  log('%d', pkt.length - before)
end
