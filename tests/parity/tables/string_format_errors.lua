-- arguments: words, edges
-- each K: = '%d', a == '' | '%x', a == 'b' | '%c', nil | '%s' | '%s %s', i | '%d %d', i | '%y', i | '%', i | '%123d', i | '%.123d', i | '%d', 1.5, i | '%s %d', i, 'x' | '%', a
function case(a, i)
  tell(string.format(@K))
end
