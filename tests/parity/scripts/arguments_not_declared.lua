-- A filter without arguments.
function filter()
  return false
end
