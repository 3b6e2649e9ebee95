-- The loop one would write by hand for LuaJIT: the capture read into a buffer of C, headers by pointer, one pattern; no script
-- interface, no checks beyond what keeps it from crashing. Prints how many packets carry the banner OpenSSH_6.4 in their first
-- 255 payload bytes.
--   luajit ssh_luajit.lua CAPTURE.pcap             (little-endian, microseconds, Ethernet)
--   luajit ssh_luajit.lua CAPTURE.pcap memmem      asks the C library for "SSH-" first, and makes a string only then
local ffi = require 'ffi'
local bit = require 'bit'
ffi.cdef [[
typedef struct FILE FILE;
size_t fread(void *, size_t, size_t, FILE *);
void *memmove(void *, const void *, size_t);
void *memmem(const void *, size_t, const void *, size_t);
]]

local file = assert(io.open(arg[1], 'rb'))
local look_first = arg[2] == 'memmem'
local pattern = 'SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*\r\n'
local band, lshift = bit.band, bit.lshift
local RECORD, ETHERNET, CHUNK = 16, 14, 1048576

local function be16(p, at) return p[at] * 256 + p[at + 1] end
local function le32(p, at)
  return p[at] + p[at + 1] * 256 + p[at + 2] * 65536 + p[at + 3] * 16777216
end

-- Offsets of the payload and its end in the frame p[0 .. length-1]; nothing when it is not TCP or UDP over IP.
local function payload(p, length)
  local at, kind = ETHERNET, nil
  if length < at then return end
  kind = be16(p, 12)
  while (kind == 0x8100 or kind == 0x88a8) and at + 4 <= length do
    kind = be16(p, at + 2)
    at = at + 4
  end
  if kind == 0x8864 and at + 8 <= length then
    kind = be16(p, at + 6) == 0x21 and 0x0800 or 0x86dd
    at = at + 8
  end
  local protocol, last
  if kind == 0x0800 then
    if at + 20 > length then return end
    if band(be16(p, at + 6), 0x1fff) ~= 0 then return end
    last = at + be16(p, at + 2)
    protocol = p[at + 9]
    at = at + lshift(band(p[at], 15), 2)
  elseif kind == 0x86dd then
    if at + 40 > length then return end
    last = at + 40 + be16(p, at + 4)
    protocol = p[at + 6]
    at = at + 40
  else
    return
  end
  if last > length then last = length end
  if protocol == 6 then
    if at + 20 > length then return end
    at = at + bit.rshift(band(p[at + 12], 0xf0), 2)
  elseif protocol == 17 then
    at = at + 8
  else
    return
  end
  return at, last
end

assert(#assert(file:read(24)) == 24)
local packets, matches, kept = 0, 0, 0
local bytes = ffi.new('uint8_t[?]', 2 * CHUNK)
while true do
  local size = kept + tonumber(ffi.C.fread(bytes + kept, 1, CHUNK, file))
  if size == kept then break end
  local at = 0
  while at + RECORD <= size do
    local length = le32(bytes, at + 8)
    if at + RECORD + length > size then break end
    local frame = bytes + at + RECORD
    local first, last = payload(frame, length)
    if first and first < last then
      local n = math.min(last - first, 255)
      if not look_first or ffi.C.memmem(frame + first, n, 'SSH-', 4) ~= nil then
        if ffi.string(frame + first, n):match(pattern) == 'OpenSSH_6.4' then matches = matches + 1 end
      end
    end
    packets = packets + 1
    at = at + RECORD + length
  end
  kept = size - at
  ffi.C.memmove(bytes, bytes + at, kept)
end
print(packets, matches)
