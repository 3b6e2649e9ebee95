local function syn(mss, more)
  local fields = {flags = 'S', tcp_options = string.pack('>I1I1I2', 2, 4, mss)}
  for key, value in pairs(more or {}) do fields[key] = value end
  return packet.tcp(fields)
end

-- What the first option, the MSS, says afterwards.
local function is(mss)
  return function(hdr, pld, pkt)
    local got = string.unpack('>I2', tostring(pkt.transport:segment(22, 2)))
    assert(got == mss, 'the MSS is ' .. got)
  end
end

return {
  { 'a larger MSS is lowered, for IPv4 and IPv6',
    packets = { syn(1460), syn(8960, {src = '2001:db8::1'}), syn(1460, {flags = 'SA'}) },
    after = { [1] = is(1452), [2] = is(1432), [3] = is(1452) }, expect = 'pass' },
  { 'whatever is in front of the TCP header',
    packets = { syn(1460, {vlan = {7, 8}}), syn(1460, {options = '\1\1\1\1'}), syn(65535, {src = '2001:db8::1', payload = 'fast open'}) },
    after = { [1] = is(1452), [2] = is(1452), [3] = is(1432) }, expect = 'pass' },
  { 'checksums are right afterwards', packets = syn(1460), after = { [1] = {checksums = 'right', modified = true} } },
  { 'a smaller one, and segments without SYN, stay',
    packets = { syn(1200), syn(1452), syn(1460, {flags = 'A'}) },
    after = { [1] = {modified = false}, [2] = {modified = false}, [3] = {modified = false} }, expect = 'pass' },
  { 'options in front of it are skipped, broken ones end the search',
    packets = { packet.tcp {flags = 'S', tcp_options = '\1\1\8\10\0\0\0\0\0\0\0\0\2\4\5\180'},
                packet.tcp {flags = 'S', tcp_options = '\8\0\2\4\5\180'}, packet.tcp {flags = 'S', tcp_options = '\0\0\0\0\2\4\5\180'} },
    after = { [1] = {modified = true, checksums = 'right'}, [2] = {modified = false}, [3] = {modified = false} }, errors = {} },
  { 'options that end early, and other packets, stay',
    packets = { packet.tcp {flags = 'S'}, packet.tcp {flags = 'S', tcp_options = '\1\1\1\1'}, packet.tcp {flags = 'S', tcp_options = '\1\1\1\2'},
                packet.tcp {flags = 'S', tcp_options = '\1\1\2\4'}, packet.tcp {flags = 'S', tcp_options = '\2\3\5\180'},
                packet.tcp {flags = 'S', tcp_options = '\2\1\5\180'}, packet.udp {payload = '\2\4\5\180'},
                packet.tcp {flags = 'S', tcp_options = '\2\255\5\180'} },
    after = { [1] = {modified = false}, [2] = {modified = false}, [3] = {modified = false}, [4] = {modified = false}, [5] = {modified = false},
              [6] = {modified = false}, [7] = {modified = false}, [8] = {modified = false} },
    expect = 'pass', errors = {} },
}
