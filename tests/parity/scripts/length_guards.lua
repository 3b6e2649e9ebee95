-- What is known of a length after it was compared bounds what is put together of it.
function filter(hdr, pld, pkt)
  local n = #pld
  if n > 1200 then return 'block' end
  local text = tostring(pld) .. ', ' .. n
  if not (400 > #hdr) then return false end
  local both = tostring(hdr):upper() .. text
  if #both >= 2000 then return 'reject' end
  log(#both, both:sub(-6), both:byte(1))
  if pkt.protocol == 17 and #pld <= 300 then pkt.payload = tostring(pld) .. ' (seen)' end
  return #both % 2 == 0
end
