-- expect load: unexpected symbol near
-- An escape character inside the text.
local s = '' \27Lua
function filter() end
