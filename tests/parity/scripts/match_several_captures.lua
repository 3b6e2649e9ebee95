-- Several captures, of which some are used.
function filter(hdr, pld, pkt)
  local method, path, major, minor = tostring(pld:segment(0, 300)):match('^(%u+) ([^ ]+) HTTP/(%d)%.(%d)')
  if method then
    pkt.mark = #path * 4 + tonumber(minor)
    if method == 'POST' then return false end
    return major == '1' and #path % 2 == 0
  end
end
