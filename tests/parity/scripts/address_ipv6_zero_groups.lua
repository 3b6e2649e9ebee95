-- Every choice of zero groups in an IPv6 address, and the addresses that end as IPv4 ones.
local net = require 'net'

function filter(hdr, pld, pkt)
  local zeros, a, b = hdr[11], hdr[10], hdr[5]
  local function high(n) return (zeros >> n & 1) * (a >> (n & 3) & 0xff) end
  local function low(n) return (zeros >> n & 1) * (b | 1) end
  log('%s', net.ip(string.char(high(0), low(0), high(1), low(1), high(2), low(2), high(3), low(3), high(4), low(4),
                               high(5), low(5), high(6), low(6), high(7), low(7))))
  local ones = (a & 1) * 0xff
  log('%s', net.ip(string.char(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ones, ones, a, b, zeros, b)))
end
