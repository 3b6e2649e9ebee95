-- arguments: words, near
-- only: lua
-- each K: packings
function case(a, i)
  tell(pcall(string.packsize, @K))
  tell(pcall(string.unpack, @K, a))
  tell(string.unpack(@K, a, i))
end
