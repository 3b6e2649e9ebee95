-- A question about a name: header (RFC 1035, 4.1.1), then the name's labels, type A, class IN.
local function ask(name, more)
  local labels = name:gsub('([^.]+)%.?', function(label) return string.char(#label) .. label end)
  local fields = {dport = 53, payload = string.pack('>I2I2I2I2I2I2', 7, 0x0100, 1, 0, 0, 0) .. labels .. '\0\0\1\0\1'}
  for key, value in pairs(more or {}) do fields[key] = value end
  return packet.udp(fields)
end

return {
  { 'names of the module and below are blocked, however they are written',
    packets = { ask 'ads.example.net', ask 'x.ads.example.net', ask 'telemetry.example.org', ask 'tracker.example.com',
                ask 'TRACKER.EXAMPLE.COM', ask('a.b.c.ads.example.net', {src = '2001:db8::1'}) },
    expect = 'block' },
  { 'others pass', packets = { ask 'example.net', ask 'badads.example.net', ask '', packet.udp {dport = 53} }, expect = 'pass', errors = {} },
}
