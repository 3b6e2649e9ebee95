-- A chain of conditions takes the first that holds.
function filter(hdr, pld, pkt)
  local p = pkt.protocol
  if p == 6 then
    if pkt.dport == 22 then
      return false
    elseif pkt.dport == 80 then
      return true
    elseif pkt.sport == 22 then
      return 'reject'
    else
      return nil
    end
  elseif p == 17 then
    return pkt.length > 100
  elseif p == 1 or p == 58 then
    return 'block'
  else
    return 'pass'
  end
end
