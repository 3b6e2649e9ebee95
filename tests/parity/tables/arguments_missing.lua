-- arguments: words, near
-- may be refused
-- each K: = a:sub() | a:byte(nil, 2) | string.sub() | string.byte() | string.len() | string.lower() | string.char() | string.find(a) | a:match() | a:gmatch() | tostring() | tonumber() | tonumber(a, nil) == nil | tonumber(i, 10) | type() | select() | math.abs() | math.min() | math.max() | math.tointeger() | math.type() | math.floor() | math.ult(i) | rawlen() | rawget() | ipairs() | pairs() | next() | math.abs(a == '') | math.min(a == '') | math.max(a < 'b') | math.max(i, nil) | rawlen(a == '') | rawlen(i) | rawlen({i, i}) | math.min(i, a == '') | i + nil | i + (a == '') | i & nil | i < (a == '') | a < i | a .. nil | a.x.y | (a == '').x | i.x | a:nothing() | a() | i() | #i | -(a == '') | i < nil | a < nil | nil < i | i // 0 | i % 0 | 1 // (i - i) | i << nil | nil .. a | i .. {} | a:byte({}) | a:sub(i, {}) | a:find({}) | a:find(nil)
function case(a, i)
  tell((@K))
end
