-- expect load: no global function 'filter'
-- Looking for the entry point runs no metamethod.
setmetatable(_G, { __index = function() while true do end end })
