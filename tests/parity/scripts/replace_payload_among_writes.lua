-- What is written to the headers before and after a payload is replaced stays, and every checksum is right in the end; what
-- was read of the old payload is what it was.
local net = require 'net'
local n = map.array { value = 'u64', size = 4 }

function filter(hdr, pld, pkt)
  if pkt.version ~= 4 and pkt.version ~= 6 then return end
  local first, rest = pld[0], tostring(pld:segment(0, 60) or '')
  local ip = hdr:layout(pkt.version == 4 and net.ipv4 or net.ipv6)
  n[0] = (n[0] or 0) + 1
  if pkt.version == 4 then
    if pkt.length % 2 == 0 then hdr[8] = 9 end
    ip.src, ip.dst = ip.dst, ip.src
  end
  if #pld > 4 and pkt.length % 3 == 0 then pld[3] = 0x41 end
  if pkt.protocol ~= 6 then
    pkt.payload = pkt.length % 5 < 3 and rest or rest .. rest .. 'and more'
    if pkt.length % 7 == 0 then pkt.payload = 'twice' .. rest end
  else
    pkt.payload = pkt.length % 2 == 0 and pld or (tostring(pld:segment(0, 600) or "")):upper()
  end
  if pkt.version == 4 then hdr[1] = 0x10 else hdr[7] = 3 end
  log(first or 'none', #rest, rest:sub(1, 4), n[0] > 0)
end
