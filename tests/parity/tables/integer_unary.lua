-- arguments: edges
function case(i)
  tell(-i, ~i, - -i)
  tell(not i, i // 1, i % 1)
end
