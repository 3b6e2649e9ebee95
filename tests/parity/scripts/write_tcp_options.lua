-- Options of TCP walked and one of them rewritten, as an MSS clamp does.
function filter(hdr, pld, pkt)
  if pkt.protocol ~= 6 then return end
  local tcp = pkt.transport
  if not tcp or tcp[13] & 2 == 0 then return end
  local at = 20
  while at + 3 < #tcp do
    local kind = tcp[at]
    if kind == 0 then break end
    if kind == 1 then
      at = at + 1
    elseif kind == 2 then
      if (tcp[at + 2] << 8 | tcp[at + 3]) > 1200 then
        tcp[at + 2], tcp[at + 3] = 1200 >> 8, 1200 & 255
        return true
      end
      return false
    else
      local size = tcp[at + 1]
      if size < 2 then return 'reject' end
      at = at + size
    end
  end
end
