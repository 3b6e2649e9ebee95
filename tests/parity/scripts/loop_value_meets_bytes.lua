-- A number that goes down from round to round and is compared with bytes and with a number: what is known of it after
-- one way round is not what is known after another.
local seen = map.hash {name = 'seen', key = 'u32', value = 'u32', size = 64}
function filter(hdr, pld, pkt)
  local a, hits = pkt.sport & 0xff, 0
  for i = 0, pkt.length & 127 do
    local c = pld[i & 63] or 7
    if seen[c] then hits = hits + 1 end
    if c == a then hits = hits + 2 end
    a = a - 1
    if a == 100 then hits = hits + 5 end
  end
  pkt.mark = hits
  return hits > 3
end
