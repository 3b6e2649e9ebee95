-- Global functions and constants.
limit = 64

function above(x)
  return x > limit
end

function filter(hdr, pld, pkt)
  if above(hdr[8]) then return false end
  if _G.above(hdr[8] + 1) then return 'pass' end
end
