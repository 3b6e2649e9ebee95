-- Limits, starts and steps that are constants on each way to the loop, but others on each.
function filter(hdr, pld, pkt)
  local n, from, step, sum = 3, 1, 1, 0
  if #pld > 20 then n = 5 end
  for i = 1, n do sum = sum + i end
  if hdr[8] > 64 then from = 2 end
  for i = from, 6 do
    if i == 4 then goto on end
    sum = sum * 3 + i
    ::on::
  end
  if #pld % 2 == 0 then step = 2 end
  for i = 1, 7, step do
    local f = function() sum = sum + i end
    for j = 1, n do if j ~= i then f() end end
  end
  log('%d', sum)
  return sum % 2 == 0
end
