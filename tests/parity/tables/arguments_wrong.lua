-- arguments: words, near
-- may be refused
-- each K: = nil | true | 1.5 | 2.0 | '1' | 'x' | '0x10' | ' 2 ' | 1e100 | -1 | '' | {} | print | 2^53 | 0/0 | '1e1' | '2.0'
-- each L: = string.sub(a, @K) | string.sub(a, 1, @K) | string.byte(a, @K) | string.char(65, @K) | tonumber(a, @K) | string.find(a, 'a', @K) | string.match(a, 'a', @K) | string.find(a, '.', 2, @K) | select(@K, a, i) | math.ult(i, @K) | string.sub(@K, i) | string.byte(@K, i) | string.lower(@K) | string.upper(@K) | string.len(@K) | string.find(@K, 'x', i) | string.match(@K, '%d', i) | tostring(@K) == a | math.tointeger(@K) == i | math.type(@K) == a | type(@K) == a | a .. (@K) | a == @K | i == @K | #(@K) | -(@K) | ~(@K) | rawlen(@K) | type((ipairs(@K))) | math.abs(@K) | tonumber(@K) == i
function case(a, i)
  tell((@L))
end
