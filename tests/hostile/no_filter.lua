-- expect load: no global function 'filter'
-- The entry point is local.
local function filter() return true end
