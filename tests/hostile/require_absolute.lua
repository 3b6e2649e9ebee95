-- expect load: a module is named by letters, digits
-- Out of the folder by an absolute path.
require '/etc/passwd'
function filter() return true end
