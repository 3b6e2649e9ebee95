-- An error in a function called in a loop, at its own line.
local function value(view, at)
  return view[at] + 1
end

function filter(hdr, pld, pkt)
  local sum = 0
  for i = 0, 9 do
    sum = sum + value(pld, i)
  end
  return sum % 2 == 0
end
