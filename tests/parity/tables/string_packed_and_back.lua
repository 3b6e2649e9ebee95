-- arguments: edges
-- only: lua
-- each K: = b | B | <h | >h | <i3 | >i3 | =i4 | <i5 | >i7 | j | J | <i9 | >i12 | <I16 | >i16 | f | d | n | !8 b j | !4 h i4 b
function case(i)
  local fine, bytes = pcall(string.pack, '@K', i, i, i)
  tell(fine, bytes)
  if fine then tell(string.unpack('@K', bytes)) end
end
