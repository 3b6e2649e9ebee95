-- A question about a name: header (RFC 1035, 4.1.1), then the name's labels, type A, class IN.
local function question(name, flags)
  local labels = name:gsub('([^.]+)%.?', function(label) return string.char(#label) .. label end)
  return string.pack('>I2I2I2I2I2I2', 7, flags or 0x0100, 1, 0, 0, 0) .. labels .. '\0\0\1\0\1'
end

local header = question(''):sub(1, 12)

local function ask(name, more)
  local fields = {dport = 53, payload = question(name)}
  for key, value in pairs(more or {}) do fields[key] = value end
  return packet.udp(fields)
end

local function send(payload)
  return packet.udp {dport = 53, payload = payload}
end

return {
  { 'names of the list and below are blocked',
    packets = { ask 'ads.example.net', ask 'tracker.ads.example.net', ask 'a.b.c.telemetry.example.org', ask 'ADS.Example.NET',
                ask('ads.example.net', {src = '2001:db8::1'}), ask('ads.example.net', {vlan = {7, 8}}),
                ask('ads.example.net', {options = '\1\1\1\1'}) },
    expect = 'block' },

  { 'similar names pass',
    packets = { ask 'badads.example.net', ask 'example.net', ask 'ads.example.net.example.com', ask 'net', ask '', ask 'ads.example.ne',
                ask 'ads.example.nett' },
    expect = 'pass' },

  { 'the longest name there may be, of 121 labels, is blocked; a longer one is none',
    packets = { ask(('a.'):rep(119) .. 'ads.example.net'), ask(('a.'):rep(120) .. 'ads.example.net'),
                ask(('x'):rep(63) .. '.' .. ('y'):rep(63) .. '.ads.example.net') },
    expect = { 'block', 'pass', 'block' } },

  { 'bytes that names rarely have hide nothing and match nothing',
    packets = { send(header .. '\3a\0b\3ads\7example\3net\0\0\1\0\1'), send(header .. '\x0fads.example.net\0\0\1\0\1'),
                send(header .. '\1\255\3aDs\7EXAMPLE\3net\0\0\1\0\1') },
    expect = { 'block', 'pass', 'block' } },

  { 'answers, other ports and TCP pass',
    packets = { packet.udp {sport = 53, payload = question('ads.example.net', 0x8180)},
                packet.udp {dport = 53, payload = question('ads.example.net', 0x8180)},
                ask('ads.example.net', {dport = 5353}), packet.tcp {dport = 53, payload = question('ads.example.net')} },
    expect = 'pass' },

  { 'questions that are cut or wrong do no harm',
    packets = { send '', send(header:sub(1, 1)), send(header:sub(1, 3)), send(header), send(question('ads.example.net'):sub(1, 20)),
                send(question('ads.example.net'):sub(1, 28)), send(header .. '\255\255'), send(header .. '\3ads\xc0\x0c\0\1\0\1'),
                send(header .. ('\1a'):rep(600)), send(header .. ('\255'):rep(300)), send(header .. ('\0'):rep(300)) },
    expect = 'pass', errors = {} },

  { 'a recorded session', capture = 'captures/mixed.pcap', filter = 'port 53',
    expect = {block = 2} },
}
