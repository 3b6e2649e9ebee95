-- arguments: bytes, bytes
-- each K: bytes
function case(i, j)
  if @K < 0 or @K > 255 then return tell(string.char(i, @K, j)) end
  tell(string.char(i), string.char(@K, j), string.char(@K, 65))
end
