-- Sets: ranges, complements, classes in sets, ] and - and ^ as members.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 80))
  local x = (s:find('[a-f0-3]+[^a-f0-3]') or 0) + (s:find('[%a_][%w_]*') or 0) * 3 + (s:find('[]]') or 0) * 5
      + (s:find('[^]%s]') or 0) * 7 + (s:find('[a-]') or 0) * 11 + (s:find('[-%d]') or 0) * 13 + (s:find('[.^$]') or 0) * 17
      + (s:find('[%]%-]') or 0) * 19
  pkt.mark = x
  return x % 2 == 0
end
