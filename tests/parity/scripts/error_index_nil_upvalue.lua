-- Indexing nil in a variable of the main chunk, and a field of a constant table.
local nothing
local t = {a = {b = 1}}

function filter(hdr, pld, pkt)
  if pkt.protocol == 17 then return nothing.x end
  if hdr[8] > 64 then
    return t.c.b == 1
  end
end
