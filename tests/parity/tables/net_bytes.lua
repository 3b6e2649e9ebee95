-- arguments: address texts, address texts
-- only: lua
-- each K: = a | a .. b | a .. ':' .. b | a .. '::' .. b | a .. '.' .. b | a .. '-' .. b | ':' .. a | a .. ':' | ' ' .. a | a .. '\0'
local net = require 'net'
function case(a, b)
  tell(net.bytes(@K))
end
