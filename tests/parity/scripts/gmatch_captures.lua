-- gmatch with several captures.
function filter(hdr, pld, pkt)
  local x = 0
  for name, value in tostring(pld:segment(0, 400)):gmatch('\r\n([%w%-]+): ([^\r\n]*)') do
    x = x * 3 + #name + #value
    if name == 'Host' then x = x + 1000 end
  end
  pkt.mark = x & 0xffffffff
  if x ~= 0 then return x % 2 == 0 end
end
