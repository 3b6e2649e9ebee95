-- arguments: text 2, text 2
-- only: lua
-- each K: = '%b+-' | '%baa' | '(%b+-)()' | '(.)%1' | '(.-)x%1' | '^(.?)%1$' | '%f[%a]%a' | '%b' | '(a)%1%2'
function case(a, b)
  local s = a .. '+x-' .. b .. a
  tell(s:find(@K))
  tell(s:gsub(@K, '.'))
end
