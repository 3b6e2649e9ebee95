-- String keys into a constant table, found by the packet's bytes.
local methods = {GET = 1, POST = 2, HEAD = 3, PUT = 4, OPTI = 5, ['SSH-'] = 6, USER = 7, ['220 '] = 8}

function filter(hdr, pld, pkt)
  local word = tostring(pld:segment(0, 4))
  local n = methods[word] or methods[word:sub(1, 3)]
  if n then
    return n % 2 == 0
  end
end
