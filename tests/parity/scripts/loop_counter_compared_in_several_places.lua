-- The counter of a loop decides in several places, also whether it is a certain number.
local m2 = map.lru {name = 'm2', key = 'ip', value = 'u64', size = 65536}
function filter(hdr, pld, pkt)
  local n = 0
  for i = 0, ((pld[3] or 44203) & 15) do
    local x = #tostring(pld:segment(0, 40)):sub(i, 7) if x == 3 then return false end
    n = n + (m2[pkt.src] or 0)
  end
  return 1
end
