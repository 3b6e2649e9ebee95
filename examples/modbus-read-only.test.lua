-- A request: the MBAP header, the function code, what it asks for.
local function pdu(func, more)
  return string.pack('>I2I2s2', 1, 0, '\1' .. string.char(func) .. (more or '\0\1\0\2'))
end

local function to(payload, more)
  local fields = {dport = 502, payload = payload}
  for key, value in pairs(more or {}) do fields[key] = value end
  return packet.tcp(fields)
end

local function request(func, more)
  return to(pdu(func, more))
end

return {
  { 'reading passes',
    packets = { request(1), request(2), request(3), request(4), request(7, ''), request(17, ''), request(43, '\14\1\0'),
                to(pdu(3), {src = '2001:db8::7'}), to(pdu(4), {vlan = 7}) },
    expect = 'pass' },
  { 'writing is rejected',
    packets = { request(5), request(6), request(15), request(16), request(22), request(23), to(pdu(6), {src = '2001:db8::7'}) },
    expect = 'reject' },
  { 'the function that can do either is looked at closely', packets = { request(43, '\13\1\0'), request(43, '') }, expect = 'reject' },
  { 'several requests in one segment are all looked at',
    packets = { to(pdu(3) .. pdu(4)), to(pdu(3) .. pdu(4) .. pdu(6)), to(pdu(3) .. pdu(4):sub(1, 9)) },
    expect = { 'pass', 'reject', 'reject' } },
  { 'requests that are cut, lie about their length, or are not Modbus, are rejected',
    packets = { to '\0\1\0\0\0\6\1', to 'G', to 'GET / HTTP/1.1\r\n', to '\0\1\0\0\0\0\1\3', to '\0\1\0\0\0\1\1\3', to '\0\1\0\0\255\255\1\3',
                to(pdu(3), {mf = true, df = false}) },
    expect = 'reject', errors = {} },
  { 'handshakes, answers and other ports pass',
    packets = { packet.tcp {dport = 502, flags = 'S'}, packet.tcp {dport = 502, flags = 'A'},
                packet.tcp {sport = 502, payload = '\0\1\0\0\0\6\1\6\0\1\0\2'},
                packet.tcp {dport = 80, payload = 'GET / HTTP/1.1\r\n'}, packet.udp {dport = 502, payload = 'x'} },
    expect = 'pass' },
}
