-- arguments: text 3
-- only: lua
function case(a)
  tell(tonumber(a), math.type(tonumber(a)), tonumber('0x' .. a))
  tell(tonumber('1' .. a), tonumber(a .. '1'), tonumber('1e' .. a))
end
