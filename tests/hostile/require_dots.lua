-- expect load: a module is named by letters, digits
-- Empty parts.
require '...etc.passwd'
function filter() return true end
