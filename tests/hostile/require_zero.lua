-- expect load: a module is named by letters, digits
-- A zero byte in the name.
require 'loop_while\0.x'
function filter() return true end
