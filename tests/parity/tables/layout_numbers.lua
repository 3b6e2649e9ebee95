-- arguments: view words
-- each K: = 0 | 1 | 3 | 7 | 8 | 9 | 15 | 16 | 31 | 33 | 64 | 511
-- each L: = 'number' | 'signed' | 'number', 'little' | 'signed', 'little' | 'little' | 'number', 'host' | 'signed', 'big'
local layout = {}
for length = 0, 65 do layout['f' .. length] = {@K, length, @L} end
require('data').layout(layout)
function case(v)
  v:layout(layout)
  tell(v.f0, v.f1, v.f2)
  tell(v.f3, v.f4, v.f5)
  tell(v.f6, v.f7, v.f8)
  tell(v.f9, v.f10, v.f11)
  tell(v.f12, v.f13, v.f15)
  tell(v.f16, v.f17, v.f23)
  tell(v.f24, v.f25, v.f31)
  tell(v.f32, v.f33, v.f40)
  tell(v.f47, v.f48, v.f49)
  tell(v.f56, v.f57, v.f63)
  tell(v.f64, v.f65, v.unknown)
end
