-- So many loops that they share one may_goto in the kernel: searches, and loops that walk through the payload.
local words = {}
for i = 1, 1000 do words[i] = string.char(97 + i % 26, 32 + i % 90) .. i % 7 end

function filter(hdr, pld, pkt)
  if hdr[5] & 127 ~= 0 then return end
  local text = tostring(pld:segment(0, math.min(#pld, 60)))
  local n = 0
  for i, word in ipairs(words) do
    if text:find(word, 1, true) then n = n + i end
    if i % 10 == 0 then
      for at = 0, math.min(#pld, 200) - 1 do
        if pld[at] == i & 255 then n = n ~ at break end
      end
    end
  end
  log('%d', n)
  return n % 3 ~= 0
end
