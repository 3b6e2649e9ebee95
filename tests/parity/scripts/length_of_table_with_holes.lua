-- refused: table-with-holes 5
-- Lua leaves open how long a table is that has nil between its values.
function filter(hdr, pld, pkt)
  local t = {nil, #pld}
  return #t == 2
end
