-- The loop one would write by hand for stock Lua 5.4: the capture read in large pieces, headers by string.unpack, one pattern.
-- Prints how many packets carry the banner OpenSSH_6.4 in their first 255 payload bytes.
--   lua5.4 ssh_lua.lua CAPTURE.pcap        (little-endian, microseconds, Ethernet)
local file = assert(io.open(arg[1], 'rb'))
local pattern = 'SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*\r\n'
local unpack, byte, sub, match = string.unpack, string.byte, string.sub, string.match
local RECORD, ETHERNET, CHUNK = 16, 14, 1048576

-- First and last position of the payload of the frame that begins at `at` and ends before `stop`; nothing when it is not TCP or
-- UDP over IP.
local function payload(s, at, stop)
  if at + ETHERNET > stop then return end
  local kind = unpack('>I2', s, at + 12)
  at = at + ETHERNET
  while (kind == 0x8100 or kind == 0x88a8) and at + 4 <= stop do
    kind = unpack('>I2', s, at + 2)
    at = at + 4
  end
  if kind == 0x8864 and at + 8 <= stop then
    kind = unpack('>I2', s, at + 6) == 0x21 and 0x0800 or 0x86dd
    at = at + 8
  end
  local protocol, last
  if kind == 0x0800 then
    if at + 20 > stop then return end
    local first, length, _, fragment, _, next_protocol = unpack('>BxI2I2I2BB', s, at)
    if fragment & 0x1fff ~= 0 then return end
    protocol, last = next_protocol, at + length
    at = at + (first & 15) * 4
  elseif kind == 0x86dd then
    if at + 40 > stop then return end
    local length, next_header = unpack('>I2B', s, at + 4)
    protocol, last = next_header, at + 40 + length
    at = at + 40
  else
    return
  end
  if last > stop then last = stop end
  if protocol == 6 then
    if at + 20 > stop then return end
    at = at + (byte(s, at + 12) >> 4) * 4
  elseif protocol == 17 then
    at = at + 8
  else
    return
  end
  return at, last - 1
end

assert(#assert(file:read(24)) == 24)
local packets, matches, rest = 0, 0, ''
while true do
  local chunk = file:read(CHUNK)
  if not chunk then break end
  chunk = rest .. chunk
  local at, size = 1, #chunk
  while at + RECORD - 1 <= size do
    local length = unpack('<I4', chunk, at + 8)
    local frame = at + RECORD
    if frame + length - 1 > size then break end
    local first, last = payload(chunk, frame, frame + length)
    if first and first <= last then
      if last - first >= 255 then last = first + 254 end
      if match(sub(chunk, first, last), pattern) == 'OpenSSH_6.4' then matches = matches + 1 end
    end
    packets = packets + 1
    at = frame + length
  end
  rest = sub(chunk, at)
end
print(packets, matches)
