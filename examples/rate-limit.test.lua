-- n packets of one source, `apart` seconds from each other.
local function burst(n, apart, src, start)
  local list = {}
  for i = 1, n do list[i] = packet.udp {src = src or '192.0.2.1', time = (start or 1000) + i * apart} end
  return list
end

local function join(a, b)
  return table.move(b, 1, #b, #a + 1, a)
end

return {
  { 'a burst of 40 passes, the rest of a flood does not',
    packets = burst(100, 0), expect = {pass = 40, block = 60} },

  { 'what stays below the rate is never blocked',
    packets = burst(500, 0.06), expect = 'pass' },

  { 'at twice the rate, about half passes once the burst is spent',
    packets = burst(440, 0.025), expect = {pass = 259, block = 181} },

  { 'sources do not share a bucket',
    packets = join(burst(100, 0), burst(40, 0, '2001:db8::9')), expect = {pass = 80, block = 60} },

  { 'one that was silent for long has a full bucket, no fuller',
    packets = join(burst(60, 0), burst(60, 0, nil, 1000 + 30 * 24 * 3600)), expect = {pass = 80, block = 40} },

  { 'a bucket fills while its source is blocked',
    packets = join(burst(1000, 0), burst(10, 0, nil, 1000.25)), expect = {pass = 45, block = 965} },

  { 'a capture whose clock begins at nought', packets = burst(60, 0, nil, 1), expect = {pass = 40, block = 20} },
}
