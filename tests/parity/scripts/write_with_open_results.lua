-- A write whose value comes of a list of results that reaches beyond the function's own registers, while a text of the
-- packet is needed afterwards: the text is copied before the write.
function filter(hdr, pld, pkt)
  local text = tostring(pld:segment(0, 100))
  local n, kept = 0, {text:sub(2, 30), text:sub(5, 9), 1}
  local function count() kept[3] = kept[3] + #text return kept[3] end
  for i = 1, 4 do
    if #pld > 24 then
      pld:setuint8(9, select('#', text:find('(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)')))
    end
    n = n + (tonumber(text:sub(-i, 8), 16) or count()) + #kept[1]
  end
  log('%d %s %s %s', n, text:sub(1, 20), kept[1], kept[2])
  return n % 2 == 0
end
