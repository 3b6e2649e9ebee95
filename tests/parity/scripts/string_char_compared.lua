-- string.char and constants concatenated at load, compared with the packet.
local crlf = string.char(13, 10)
local prefix = 'SSH' .. '-' .. '2.0'

function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 80))
  if s:sub(1, #prefix) == prefix then return s:sub(-2) == crlf and false end
  return s:sub(-2) == crlf
end
