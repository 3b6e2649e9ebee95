-- A question about a name: header (RFC 1035, 4.1.1), then the name's labels, type A, class IN.
local function question(name, flags)
  local labels = name:gsub('([^.]+)%.?', function(label) return string.char(#label) .. label end)
  return string.pack('>I2I2I2I2I2I2', 7, flags or 0x0100, 1, 0, 0, 0) .. labels .. '\0\0\1\0\1'
end

local function ask(name, more)
  local fields = {dport = 53, payload = question(name)}
  for key, value in pairs(more or {}) do fields[key] = value end
  return packet.udp(fields)
end

return {
  { 'names of the list and below are blocked',
    packets = { ask 'ads.example.net', ask 'tracker.ads.example.net', ask 'a.b.c.telemetry.example.org', ask 'ADS.Example.NET',
                ask('ads.example.net', {src = '2001:db8::1'}) },
    expect = 'block' },

  { 'similar names pass',
    packets = { ask 'badads.example.net', ask 'example.net', ask 'ads.example.net.example.com', ask 'net', ask '' },
    expect = 'pass' },

  { 'answers, other ports and TCP pass',
    packets = { packet.udp {sport = 53, payload = question('ads.example.net', 0x8180)},
                packet.udp {dport = 53, payload = question('ads.example.net', 0x8180)},
                ask('ads.example.net', {dport = 5353}), packet.tcp {dport = 53, payload = question('ads.example.net')} },
    expect = 'pass' },

  { 'questions that are cut or wrong do no harm',
    packets = { packet.udp {dport = 53, payload = ''}, packet.udp {dport = 53, payload = question('ads.example.net'):sub(1, 20)},
                packet.udp {dport = 53, payload = question(''):sub(1, 12) .. '\255\255'},
                packet.udp {dport = 53, payload = question(''):sub(1, 12) .. ('\1a'):rep(600)} },
    expect = 'pass', errors = {} },

  { 'a recorded session', capture = 'captures/mixed.pcap', filter = 'port 53',
    expect = {block = 2} },
}
