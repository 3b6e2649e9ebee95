-- arguments: text 2, edges
local by_text, by_integer = {}, {}
for n = 0, 299 do
  by_text[tostring(n)] = n
  by_text[string.char(n & 255)] = n + 1000
  by_text[string.char(n & 255, n >> 3)] = n
  by_integer[n - 150] = n
  by_integer[n << 32] = -n
end
by_integer[math.mininteger] = 1
function case(a, i)
  tell(by_text[a], by_integer[i])
end
