-- Blocks TLS connections by the server's name in the ClientHello: exact names, and *.suffix for all names below one.

local net = require 'net'

local blocked = {
  ['tracker.example.com'] = true,
  ['*.ads.example.net'] = true,
}

local function listed(name)
  if blocked[name] then return true end
  for dot in name:gmatch('()%.') do
    if blocked['*' .. name:sub(dot)] then return true end
  end
  return false
end

-- The parts of a ClientHello that have no fixed place: each is skipped by the length in front of it (RFC 8446, 4.1.2).
local byte = data.layout {length = {0, 8}}
local pair = data.layout {length = {0, 16}}
local extension = data.layout {type = {0, 16}, length = {16, 16}}
local server_name = data.layout {list = {0, 16}, type = {16, 8}, length = {24, 16}}       -- RFC 6066, 3

local function skip(d, at, layout, size)
  local part = d:segment(at)
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
    if e.type == 0 then
      local sni = hello:segment(at + 4):layout(server_name)
      return sni.length and tostring(sni:segment(5, sni.length)):lower()
    end
    at = e.length and at + 4 + e.length
  end
end

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.tcp or pkt.dport ~= 443 then return end
  local record = pld:layout(net.tls_record)
  if record.type ~= net.tls_content.handshake or pld[5] ~= net.tls_handshake_type.client_hello then return end            -- a handshake record with a ClientHello
  local name = name_of(pld)
  if name and listed(name) then
    log('blocked %s', name)
    return 'reject'
  end
end
