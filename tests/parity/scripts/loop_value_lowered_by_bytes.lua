-- A number that becomes one less than a byte that it was equal to, in a loop after a loop.
local mask = 37
local function less(a, b)
  if a == b then return a - 1 end
  return true
end
function filter(hdr, pld, pkt)
  local text = tostring(pld:segment(0, 100))
  local n = pkt.sport
  for i = 0, (hdr[(pld[24] or 222) & 15] or 177 | mask) & 15 do
    mask = 1
  end
  for i = 0, (1 - (-mask ~ 45)) & 15 do
    n = math.min(0x7fffffff, less(pld[hdr[19] & 3] or 240, n or 1))
  end
  return #text > n
end
