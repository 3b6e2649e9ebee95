-- An iterator written as a closure lives as long as its loop.
local function bytes(view, from, step)
  local i = from - step
  return function()
    while i < #view do
      i = i + step
      local byte = view[i]
      if byte == nil then return nil end
      if byte ~= 0 then return i, byte end
    end
  end
end

local function numbers(first, last)
  return function(limit, i) if i < limit then return i + 1, (i + 1) * first end end, last, first
end

function filter(hdr, pld, pkt)
  local sum, seen = 0, 0
  for i, byte in bytes(pld, 1, 2) do
    sum = (sum * 31 + i * byte) & 0xffffff
    seen = seen + 1
    if seen > 40 then break end
  end
  for i, square in numbers(hdr[8] & 3, hdr[9] & 15) do sum = sum + i * square end
  log('%d %d', sum, seen)
  return sum % 2 == 0
end
