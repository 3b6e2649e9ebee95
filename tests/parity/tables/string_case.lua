-- arguments: text 3
function case(a)
  tell(a:lower(), a:upper(), a:upper() == a)
end
