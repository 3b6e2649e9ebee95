-- arguments: text 2, text 2
function case(a, b)
  tell(a .. b, b .. a .. b, a .. '' == a)
  tell(#(a .. b), (a .. b):sub(2, 3), (a .. b) < b)
end
