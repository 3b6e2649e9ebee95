-- Variables of the script that hold nil, booleans and numbers in turn.
local state = nil

function filter(hdr, pld, pkt)
  local before = state
  if hdr[5] % 3 == 0 then
    state = nil
  elseif hdr[5] % 3 == 1 then
    state = hdr[5] > 100
  else
    state = hdr[5]
  end
  if before == nil then return true end
  if before == true then return 'reject' end
  if before == false then return false end
  return before > 128
end
