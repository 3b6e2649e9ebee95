-- expect packet: (not enough memory|instruction budget spent)
-- Replacements that make replacements.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = 'ab'
    s:gsub('.', function(c)
      local t = (c):rep(1 << 20)
      return t:gsub('.', function(d) return d:rep(1 << 16) end)
    end)
  end
  return packets ~= 2
end
