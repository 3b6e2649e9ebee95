-- expect load: requires itself
-- A cycle.
require 'require_itself'
function filter() return true end
