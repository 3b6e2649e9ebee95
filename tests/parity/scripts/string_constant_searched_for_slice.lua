-- A slice of the packet searched for in a constant string.
-- refused: dynamic-pattern 6
local letters = 'abcdefghijklmnopqrstuvwxyz0123456789GETPOSTHEAD'

function filter(hdr, pld, pkt)
  local at = letters:find(tostring(pld:segment(0, 2)), 1, true)
  if at then
    pkt.mark = at
    return at % 2 == 0
  end
end
