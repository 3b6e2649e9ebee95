-- A function with any number of arguments.
local function sum(...)
  local a, b, c = ...
  return (a or 0) + (b or 0) * 3 + (c or 0) * 7 + select('#', ...)
end

local function last(...)
  return (select(-1, ...))
end

function filter(hdr, pld, pkt)
  local x = sum() + sum(hdr[4]) + sum(hdr[5], hdr[8]) + sum(hdr[9], hdr[4], hdr[5], nil)
  x = x * 2 + last(1, 2, hdr[8])
  pkt.mark = x
  return x % 2 == 0
end
