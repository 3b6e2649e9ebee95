-- Each iteration has variables of its own, in loops of every kind.
function filter(hdr, pld, pkt)
  local checks, n = {}, 0
  for i, port in ipairs {22, 80, 53} do checks[i] = function() return pkt.dport == port end end
  for i = 1, #checks do if checks[i]() then n = n + i end end

  local values = {}
  for i = 1, 4 do
    local doubled = i * hdr[4 + i]
    values[i] = function(more) doubled = doubled + more return doubled, i end
  end
  local sum = 0
  for i = 4, 1, -1 do
    local doubled, index = values[i](i)
    sum = sum + doubled * index
  end

  local k, first, third, second = 0, nil, nil, nil
  while k < 3 do
    k = k + 1
    local mine = k * 10
    if k == 2 then goto continue end
    if k == 1 then
      first = function() mine = mine + k return mine end
    else
      third = function() mine = mine + k return mine end
    end
    if k == 2 then second = first end
    ::continue::
  end
  sum = sum + first() + first() + third() + (second and 1 or 0)

  local r, a, b = 0, nil, nil
  repeat
    local last = r
    r = r + 1
    if a then b = function() return last end else a = function() return last end end
  until last >= 2
  sum = sum * 9 + a() * 3 + b()
  log('%d %d', n, sum)
  pkt.mark = sum & 0xffffffff
  if n > 0 then return false end
end
