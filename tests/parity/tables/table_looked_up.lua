-- arguments: text 2, edges
local by_text = {[''] = 'empty', a = 1, ['a '] = 2, ['\0'] = 3, ['\0\0'] = 4, ['\xff'] = 5, ['9'] = 6, [9] = 7}
local by_integer = {'one', 'two', nil, 'four', [0] = 'zero', [-1] = 'minus', [math.maxinteger] = 'most',
                    [math.mininteger] = 'least', [1 << 32] = 'wide', [2^53] = 'float'}
function case(a, i)
  tell(by_text[a], by_integer[i], by_text[i])
end
