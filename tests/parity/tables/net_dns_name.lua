-- arguments: words, words
-- only: lua
-- each K: = a | a .. b | a .. '.' .. b | a .. '.' .. b .. '.' | '.' .. a | a .. '..' .. b | a:rep(2) .. '.' .. b | (a .. '.'):rep(9) | ('x'):rep(63) .. '.' .. a | ('y.'):rep(126) .. a | ('y.'):rep(125) .. a
local net = require 'net'
function case(a, b)
  tell(net.dns_name(@K))
end
