-- arguments: encodings, near, near
-- only: lua
-- each K: = utf8.len(a, i, j) | utf8.len(a, i) | utf8.len(a, i, j, true) | utf8.codepoint(a, i, j) | utf8.codepoint(a, i) | utf8.codepoint(a, i, j, true) | utf8.offset(a, i, j) | utf8.offset(a, i) | utf8.char(i, j) | utf8.char(i)
function case(a, i, j)
  tell(@K)
end
