-- A constant step of zero fails when the loop is reached.
local step = 0

function filter(hdr, pld, pkt)
  if hdr[8] < 64 then
    for i = 1, 3, step do
      return false
    end
  end
  return true
end
