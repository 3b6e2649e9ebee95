-- A closure keeps its variable when the block ends; the register is used again.
function filter(hdr, pld, pkt)
  local t = {}
  do local j = 5 t.f = function() return j end end
  local x = 99
  do
    local k = #pld
    t.g = function(more) k = k + more return k end
    t.h = function() return k end
    k = k + 1
  end
  local y, z = 7, 8
  t.g(3)
  log('%d %d %d %d', t.f(), x, t.h(), y + z)
  return (t.h() + t.f()) % 3 == 0
end
