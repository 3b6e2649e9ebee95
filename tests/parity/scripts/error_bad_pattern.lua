-- A malformed pattern is an error when it is used.
-- refused: pattern-malformed 5
function filter(hdr, pld, pkt)
  if pkt.protocol == 17 then
    return tostring(pld):find('[a') ~= nil
  end
  return true
end
