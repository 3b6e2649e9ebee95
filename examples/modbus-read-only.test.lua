local function request(func)
  return packet.tcp {dport = 502, payload = '\0\1\0\0\0\6\1' .. string.char(func) .. '\0\1\0\2'}
end

return {
  { 'reading passes', packets = { request(1), request(2), request(3), request(4), request(43) }, expect = 'pass' },
  { 'writing is rejected', packets = { request(5), request(6), request(15), request(16), request(22), request(23) }, expect = 'reject' },
  { 'requests that are cut, or not Modbus, are rejected',
    packets = { packet.tcp {dport = 502, payload = '\0\1\0\0\0\6\1'}, packet.tcp {dport = 502, payload = 'GET / HTTP/1.1\r\n'} },
    expect = 'reject', errors = {} },
  { 'handshakes, answers and other ports pass',
    packets = { packet.tcp {dport = 502, flags = 'S'}, packet.tcp {sport = 502, payload = '\0\1\0\0\0\6\1\6\0\1\0\2'},
                packet.tcp {dport = 80, payload = 'GET / HTTP/1.1\r\n'}, packet.udp {dport = 502, payload = 'x'} },
    expect = 'pass' },
}
