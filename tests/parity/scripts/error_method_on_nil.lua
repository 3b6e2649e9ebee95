-- A method of nil, as the result of a match that failed.
function filter(hdr, pld, pkt)
  return tostring(pld:segment(0, 255)):match('^%u+'):lower() == 'get'
end
