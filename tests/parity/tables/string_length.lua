-- arguments: text 2
function case(a)
  tell(#a, a:len(), rawlen(a))
  tell(type(a), #(a .. 'x'), a == '')
end
