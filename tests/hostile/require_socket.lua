-- expect load: module 'socket.core' is not available in the sandbox
-- A library in C.
local socket = require 'socket.core'
function filter() return true end
