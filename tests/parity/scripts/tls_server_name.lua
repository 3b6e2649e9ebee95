-- The server name of a client hello by a pattern over bytes.
function filter(hdr, pld, pkt)
  if pkt.protocol ~= 6 then return end
  local hello = tostring(pld:segment(0, 600))
  if hello:sub(1, 1) ~= '\x16' then return end
  local at = hello:find('\0\0..\0..\0..[%w%-]+%.[%w%-.]+')
  if not at then return false end
  local name = hello:sub(at + 9):match('^[%w%-.]+')
  pkt.mark = #name
  return name:sub(-4) ~= '.com'
end
