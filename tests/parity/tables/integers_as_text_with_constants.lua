-- arguments: edges
-- each K: edges
function case(i)
  tell(@K .. ':' .. i, i .. @K, (i .. '') == '@K')
  tell(tostring(i) < tostring(@K), i < @K, i == @K)
end
