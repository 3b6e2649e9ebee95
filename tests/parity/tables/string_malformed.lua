-- arguments: words
-- may be refused
-- each K: = '%' | '[a' | '[' | '(' | ')' | '(()' | '%f' | '%fa' | '[%' | '[]' | '[^]' | 'a%' | '[a-' | '[%a' | '(()a' | '%0'
function case(a)
  tell(a:find(@K))
end
