-- while tests before each round.
function filter(hdr, pld, pkt)
  local at, n = 0, 0
  while at < #pld and at < 100 do
    local c = pld[at]
    at = at + 1 + (c & 7)
    n = n + 1
  end
  pkt.mark = at << 8 | n
  return n % 3 ~= 0
end
