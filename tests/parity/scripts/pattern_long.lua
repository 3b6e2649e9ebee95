-- A pattern of many items: a date in a header.
function filter(hdr, pld, pkt)
  local day, month, year = tostring(pld:segment(0, 500)):match('%a%a%a, (%d%d) (%a%a%a) (%d%d%d%d) %d%d:%d%d:%d%d GMT')
  if day then
    pkt.mark = tonumber(day) + tonumber(year)
    return month ~= 'Jun'
  end
end
