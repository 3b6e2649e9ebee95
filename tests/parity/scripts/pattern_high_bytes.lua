-- Zero and high bytes in patterns and sets.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 64))
  local x = (s:find('\0\0') or 0) + (s:find('[\x80-\xff]+') or 0) * 3 + (s:find('\xff') or 0) * 5
      + (s:find('[^\0-\x1f\x7f-\xff]') or 0) * 7 + (s:find('%z') or 0) * 11 + (s:find('\0[\1-\5]') or 0) * 13
  pkt.mark = x
  return x % 2 == 0
end
