-- The labels of a DNS question walked and compared.
function filter(hdr, pld, pkt)
  if pkt.protocol ~= 17 or pkt.dport ~= 53 then return end
  local at, labels, last = 12, 0, nil
  while at < #pld and labels < 20 do
    local size = pld[at]
    if size == 0 or size > 63 then break end
    last = tostring(pld:segment(at + 1, size)):lower()
    at = at + 1 + size
    labels = labels + 1
  end
  pkt.mark = labels << 16 | at
  if last == 'com' then return false end
  if last == 'org' or last == 'arpa' then return 'reject' end
end
