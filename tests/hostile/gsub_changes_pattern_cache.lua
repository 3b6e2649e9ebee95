-- expect fine
-- Other patterns are compiled while one is in use.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local r = ('abcabc'):gsub('%a', function(c)
      for i = 1, 300 do (''):find('^%a' .. i .. '[x-z]*') end
      return c:upper()
    end)
    assert(r == 'ABCABC')
    for w in ('one two'):gmatch('%a+') do
      for i = 1, 300 do (''):find('^%d' .. i .. '[x-z]*') end
      assert(w == 'one' or w == 'two')
    end
  end
  return packets ~= 2
end
