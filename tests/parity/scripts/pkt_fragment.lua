-- pkt.fragment, and what fragments have of a transport header.
function filter(hdr, pld, pkt)
  if pkt.fragment then
    if pkt.transport == nil then return false end
    return 'reject'
  end
  return pkt.transport ~= nil
end
