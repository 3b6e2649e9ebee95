-- Right shifts fill with zeros, by constants from 0 to 64 and beyond.
local wide = data.layout {a = {64, 64}}

function filter(hdr, pld, pkt)
  local a = hdr:layout(wide).a
  local x = (a >> 0) ~ (a >> 1) ~ (a >> 31) ~ (a >> 32) ~ (a >> 33) ~ (a >> 63) ~ (a >> 64) ~ (a >> 65) ~ (a >> 1000)
  local y = (a >> -1) ~ (a >> -32) ~ (a >> -63) ~ (a >> -64) ~ (a >> math.mininteger) ~ (a >> math.maxinteger)
  pkt.mark = (x ~ x >> 32 ~ y ~ y >> 32) & 0xffffffff
  return x > y
end
