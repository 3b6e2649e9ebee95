-- expect load: module 'io' is not available in the sandbox
-- A library that is not there.
local io = require 'io'
function filter() return true end
