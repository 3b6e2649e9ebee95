-- ipairs over a constant table of tables.
local rules = {
  {proto = 6, low = 1, high = 100, verdict = true},
  {proto = 17, low = 53, high = 53, verdict = false},
  {proto = 6, low = 400, high = 500, verdict = 'reject'},
}

function filter(hdr, pld, pkt)
  for _, rule in ipairs(rules) do
    if pkt.protocol == rule.proto and pkt.dport and pkt.dport >= rule.low and pkt.dport <= rule.high then
      return rule.verdict
    end
  end
end
