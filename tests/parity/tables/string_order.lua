-- arguments: text 2, text 2
function case(a, b)
  tell(a < b, a <= b, a == b)
  tell(a > b, a >= b, a ~= b)
end
