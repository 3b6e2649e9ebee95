-- Escaped punctuation stands for itself.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 120))
  local x = (s:find('%.') or 0) + (s:find('%-') or 0) * 3 + (s:find('%(') or 0) * 5 + (s:find('%%') or 0) * 7 + (s:find('%?.') or 0) * 11
      + (s:find('[%%%.]%a') or 0) * 13
  pkt.mark = x
  return x % 2 == 0
end
