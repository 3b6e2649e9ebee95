-- A question about a name: header (RFC 1035, 4.1.1), then the name's labels, type A, class IN.
local function labels(name)
  return (name:gsub('([^.]+)%.?', function(label) return string.char(#label) .. label end)) .. '\0'
end

local function message(flags, counts, name, more)
  return string.pack('>I2I2I2I2I2I2', 7, flags, table.unpack(counts)) .. labels(name) .. '\0\1\0\1' .. (more or '')
end

local option = '\0\0\41\4\xd0\0\0\0\0\0\0'      -- EDNS (RFC 6891): additional data of a question

local function ask(name, more)
  local fields = {sport = 40000, dport = 53, payload = message(0x0100, {1, 0, 0, 1}, name, option)}
  for key, value in pairs(more or {}) do fields[key] = value end
  return packet.udp(fields)
end

local function no_such_name(name, src, dst)
  return {src = src or '192.0.2.2', dst = dst or '192.0.2.1', sport = 53, dport = 40000, checksums = 'right',
          payload = message(0x8183, {1, 0, 0, 0}, name)}
end

return {
  { 'names of the list and below are answered: there is no such name',
    packets = { ask 'ads.example.net', ask 'a.b.c.telemetry.example.org', ask 'ADS.Example.NET' },
    expect = 'reply',
    after = { no_such_name 'ads.example.net', no_such_name 'a.b.c.telemetry.example.org', no_such_name 'ADS.Example.NET' } },

  { 'over IPv6, too',
    packets = { ask('ads.example.net', {src = '2001:db8::1', dst = '2001:db8::2'}) },
    expect = 'reply',
    after = { no_such_name('ads.example.net', '2001:db8::2', '2001:db8::1') } },

  { 'other names, answers, updates, several questions and what is cut pass',
    packets = { ask 'www.example.net', ask 'badads.example.net',
                packet.udp {dport = 53, payload = message(0x8180, {1, 0, 0, 0}, 'ads.example.net')},
                packet.udp {dport = 53, payload = message(0x2800, {1, 0, 0, 0}, 'ads.example.net')},
                packet.udp {dport = 53, payload = message(0x0100, {2, 0, 0, 0}, 'ads.example.net')},
                packet.udp {dport = 53, payload = message(0x0100, {1, 0, 0, 0}, 'ads.example.net'):sub(1, -2)},
                packet.udp {dport = 53, payload = message(0x0100, {1, 0, 0, 0}, 'ads.example.net'):sub(1, 20)},
                packet.udp {dport = 53}, packet.tcp {dport = 53, payload = message(0x0100, {1, 0, 0, 0}, 'ads.example.net')} },
    expect = 'pass', errors = {} },
}
