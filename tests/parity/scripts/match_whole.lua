-- A match without captures is the matched text.
function filter(hdr, pld, pkt)
  local m = tostring(pld:segment(0, 100)):match('%a+/%d%.%d')
  if m then
    pkt.mark = #m
    return m ~= 'HTTP/1.1'
  end
end
