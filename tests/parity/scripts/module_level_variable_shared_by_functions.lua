-- A variable that two functions of the script assign.
local state = 1

local function step(x) state = (state * 5 + x) % 1000 end
local function reset() if state > 900 then state = 0 end end

function filter(hdr, pld, pkt)
  step(hdr[5])
  reset()
  step(hdr[8])
  return state > 500
end
