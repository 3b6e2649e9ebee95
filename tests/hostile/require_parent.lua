-- expect load: a module is named by letters, digits
-- Out of the folder by dots.
require '../unit/script'
function filter() return true end
