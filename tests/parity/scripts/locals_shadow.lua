-- Locals of a block hide those outside.
function filter(hdr, pld, pkt)
  local x = hdr[8]
  do
    local x = x + 1
    if x > 64 then
      local x = x * 2
      if x > 200 then return true end
    end
    if x % 2 == 0 then return false end
  end
  return x > 60
end
