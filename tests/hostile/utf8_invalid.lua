-- expect packet: invalid UTF-8 code
-- Bytes that are no text.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    for _ in utf8.codes('\xff\xff') do end
  end
  return packets ~= 2
end
