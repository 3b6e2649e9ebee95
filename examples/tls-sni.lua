-- Blocks TLS connections by the server's name in the ClientHello: exact names, and *.suffix for all names below one.

local net = require 'net'

local names = {
  'tracker.example.com',
  '*.ads.example.net',
}

local exact, below = {}, {}                    -- 'tracker.example.com'; '.ads.example.net'
for _, name in ipairs(names) do
  local suffix = name:lower():match('^%*(%..+)')
  if suffix then
    below[suffix] = true
  else
    exact[name:lower()] = true
  end
end

local function listed(name)
  if exact[name] then return true end
  local dot = name:find('.', 1, true)
  while dot do
    if below[name:sub(dot)] then return true end
    dot = name:find('.', dot + 1, true)
  end
  return false
end

-- The parts of a ClientHello that have no fixed place: each is skipped by the length in front of it (RFC 8446, 4.1.2).
local byte = data.layout {length = {0, 8}}
local pair = data.layout {length = {0, 16}}
local extension = data.layout {
  type = {0, 16}, length = {16, 16},
  name_type = {48, 8}, name_length = {56, 16},                  -- of a server name (RFC 6066, 3); the name itself is at 9
}

local function skip(hello, at, layout, size)
  local part = hello:segment(at)
  local length = part and part:layout(layout).length
  return length and at + size + length
end

local function name_of(hello)
  local at = skip(hello, 43, byte, 1)               -- record 5, handshake 4, version 2, random 32: the session id
  at = at and skip(hello, at, pair, 2)              -- cipher suites
  at = at and skip(hello, at, byte, 1)              -- compression methods
  at = at and at + 2                                -- length of all extensions
  while at and at < #hello do
    local e = hello:segment(at):layout(extension)
    if e.type == 0 and e.name_type == 0 and e.name_length then
      local name = tostring(hello:segment(at + 9, 255)):sub(1, e.name_length)
      if #name < e.name_length then return nil end       -- longer than names are, or the rest is in another segment
      return name:lower()
    end
    at = e.length and at + 4 + e.length
  end
end

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.tcp or pkt.dport ~= 443 then return end
  local record = pld:layout(net.tls_record)
  if record.type ~= net.tls_content.handshake or pld[5] ~= net.tls_handshake_type.client_hello then return end
  local name = name_of(pld)
  if name and listed(name) then
    log('blocked %s', name)
    return 'reject'
  end
end
