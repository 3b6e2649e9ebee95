local function tell(...)
  local x, y, z = ...
  log('%d %s:%s %s:%s %s:%s', select('#', ...), type(x), x, type(y), y, type(z), z)
end
