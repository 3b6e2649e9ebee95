local function sized(bits, text) return string.pack(bits == 8 and '>s1' or '>s2', text) end

-- A ClientHello (RFC 8446, 4.1.2) with a server name (RFC 6066, 3) after another extension.
local function hello(name)
  local sni = '\0\0' .. sized(16, sized(16, '\0' .. sized(16, name)))
  local body = '\3\3' .. ('r'):rep(32) .. sized(8, 'session') .. sized(16, '\x13\1\x13\2') .. sized(8, '\0') ..
               sized(16, '\0\x2b' .. sized(16, '\2\3\4') .. sni)
  return '\22\3\1' .. sized(16, '\1' .. string.pack('>I3', #body) .. body)
end

-- The same where the server name is the last thing in the packet and says to be longer or of another kind.
local function last(text, length, kind)
  local sni = '\0\0' .. sized(16, string.pack('>I2I1I2', #text + 3, kind or 0, length or #text) .. text)
  local body = '\3\3' .. ('r'):rep(32) .. sized(8, '') .. sized(16, '\x13\1') .. sized(8, '\0') .. sized(16, sni)
  return '\22\3\1' .. sized(16, '\1' .. string.pack('>I3', #body) .. body)
end

local function tls(payload)
  return packet.tcp {dport = 443, payload = payload}
end

local function cuts(payload)
  local list = {}
  for length = 0, #payload - 1 do list[#list + 1] = tls(payload:sub(1, length)) end
  return list
end

return {
  { 'names of the list, and all below a suffix, are rejected',
    packets = { tls(hello 'tracker.example.com'), tls(hello 'TRACKER.example.com'), tls(hello 'a.ads.example.net'), tls(hello 'x.y.ads.example.net') },
    expect = 'reject',
    logs = {'blocked tracker.example.com', 'blocked tracker.example.com', 'blocked a.ads.example.net', 'blocked x.y.ads.example.net'} },
  { 'other names pass',
    packets = { tls(hello 'example.com'), tls(hello 'ads.example.net'), tls(hello 'badads.example.net'), tls(hello 'x.tracker.example.com'), tls(hello '') },
    expect = 'pass', logs = {} },
  { 'what is cut, or not a ClientHello, passes without an error',
    packets = { tls(hello('tracker.example.com'):sub(1, 60)), tls(hello('tracker.example.com'):sub(1, 5)), tls '\23\3\3\0\1x', tls '',
                tls('\22\3\1\0\4\1' .. ('\255'):rep(200)), packet.tcp {dport = 80, payload = hello 'tracker.example.com'} },
    expect = 'pass', errors = {} },
  { 'it is the same over IPv6, VLANs, with IP options, and for names in capitals and with many labels',
    packets = { packet.tcp {src = '2001:db8::1', dport = 443, payload = hello 'tracker.example.com'},
                packet.tcp {vlan = {7, 8}, dport = 443, payload = hello 'A.ADS.EXAMPLE.NET'},
                packet.tcp {options = '\1\1\1\1', dport = 443, payload = hello(('x.'):rep(119) .. 'ads.example.net')},
                tls(last '.ads.example.net'), tls(last 'a..ads.example.net') },
    expect = 'reject' },
  { 'names that only begin with one of the list, lie about their length, or are no host names, pass',
    packets = { tls(last('tracker.example.com', 40)), tls(last('tracker.example.com', 18)), tls(last('tracker.example.com', nil, 1)),
                tls(last('tracker.example.com', 0)), tls(last(('x'):rep(1000))), tls(last(('.'):rep(255))) },
    expect = 'pass', errors = {} },
  { 'wherever a ClientHello is cut, no script error', packets = cuts(hello 'tracker.example.com'), expect = {reject = 0}, errors = {} },
  { 'recorded sessions', capture = 'captures/mixed.pcap', expect = 'pass', errors = {} },
}
