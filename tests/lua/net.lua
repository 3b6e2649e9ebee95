-- The layouts and constants of `net`.
local net = require 'net'
local data = require 'data'
assert(package == nil or package.loaded.net == nil or require 'net' == net)

local function packet(hex) return data.new((hex:gsub('%s', ''):gsub('%x%x', function(h) return string.char(tonumber(h, 16)) end))) end
local function expect(d, fields)
  for name, value in pairs(fields) do
    assert(d[name] == value, name .. ' is ' .. tostring(d[name]) .. ' instead of ' .. tostring(value))
  end
end

expect(packet '02005e005301 02005e005302 0800':layout(net.ethernet),
  {dst = '02:00:5e:00:53:01', src = '02:00:5e:00:53:02', type = net.ethertype.ipv4})
expect(packet 'b064 86dd':layout(net.vlan), {pcp = 5, dei = 1, vid = 100, type = net.ethertype.ipv6})
expect(packet '0001 0800 06 04 0002 02005e005301 c0000201 02005e005302 c0000202':layout(net.arp),
  {htype = 1, ptype = 0x800, hlen = 6, plen = 4, operation = net.arp_operation.reply, sender_mac = '02:00:5e:00:53:01',
   sender = '192.0.2.1', target_mac = '02:00:5e:00:53:02', target = '192.0.2.2'})
local ip = packet '45 b9 0054 1234 6001 40 11 abcd c0000201 c6336401'
expect(ip:layout(net.ipv4),
  {version = 4, ihl = 5, tos = 0xb9, dscp = 46, ecn = 1, length = 84, id = 0x1234, flags = 3, df = 1, mf = 1,
   fragment_offset = 1, ttl = 64, protocol = net.protocol.udp, checksum = 0xabcd, src = '192.0.2.1', dst = '198.51.100.1'})
expect(packet '6 b9 abcde 0010 06 ff 20010db8000000000000000000000001 20010db8000000000000000000000002':layout(net.ipv6),
  {version = 6, traffic_class = 0xb9, dscp = 46, ecn = 1, flow_label = 0xabcde, length = 16, next_header = net.protocol.tcp,
   hop_limit = 255, src = '2001:db8::1', dst = '2001:db8::2'})
expect(packet '11 00 0009 deadbeef':layout(net.ipv6_fragment),
  {next_header = 17, reserved = 0, fragment_offset = 1, mf = 1, id = 0xdeadbeef})
expect(packet '0016 c350 00000001 00000002 50 12 7210 beef 0003':layout(net.tcp),
  {sport = 22, dport = 50000, seq = 1, ack = 2, data_offset = 5, flags = net.tcp_flag.syn | net.tcp_flag.ack, syn = 1,
   ack_flag = 1, fin = 0, rst = 0, psh = 0, urg = 0, ece = 0, cwr = 0, window = 0x7210, checksum = 0xbeef, urgent = 3})
for name, bit in pairs(net.tcp_flag) do
  local tcp = data.new(20):layout(net.tcp)
  tcp.flags = bit
  for other in pairs(net.tcp_flag) do
    assert(tcp[other == 'ack' and 'ack_flag' or other] == (other == name and 1 or 0), name)
  end
end
expect(packet '0035 1388 0010 beef':layout(net.udp), {sport = 53, dport = 5000, length = 16, checksum = 0xbeef})
expect(packet '08 00 f7ff 0001 0002':layout(net.icmp),
  {type = net.icmp_type.echo, code = 0, checksum = 0xf7ff, id = 1, seq = 2, rest = 0x10002, mtu = 2, pointer = 0,
   gateway = '0.1.0.2'})
expect(packet '87 00 1234 00000000 fe800000000000000000000000000001':layout(net.icmpv6),
  {type = net.icmpv6_type.neighbor_solicitation, code = 0, checksum = 0x1234, target = 'fe80::1'})
expect(packet '02 00 1234 00000500':layout(net.icmpv6),
  {type = net.icmpv6_type.packet_too_big, mtu = 1280, pointer = 1280, rest = 1280, id = 0, seq = 1280, target = nil})
expect(packet 'abcd 85b3 0001 0002 0003 0004':layout(net.dns),
  {id = 0xabcd, flags = 0x85b3, qr = 1, opcode = 0, aa = 1, tc = 0, rd = 1, ra = 1, z = 0, ad = 1, cd = 1,
   rcode = net.dns_rcode.nxdomain, qdcount = 1, ancount = 2, nscount = 3, arcount = 4})
expect(packet '16 0301 0200':layout(net.tls_record), {type = net.tls_content.handshake, version = 0x301, length = 512})
expect(data.new('\1\0\1\xfc\3\3' .. ('r'):rep(32) .. '\32'):layout(net.tls_handshake),
  {type = net.tls_handshake_type.client_hello, length = 508, version = 0x303, random = ('r'):rep(32), session_id_length = 32})
expect(packet '0050 0051 00000007 01020304':layout(net.sctp), {sport = 80, dport = 81, tag = 7, checksum = 0x1020304})
expect(packet '01 00 0014':layout(net.sctp_chunk), {type = net.sctp_chunk_type.init, flags = 0, length = 20})

assert(net.protocol.tcp == 6 and net.protocol.udp == 17 and net.protocol.icmp == 1 and net.protocol.icmpv6 == 58 and
  net.protocol.sctp == 132 and net.ethertype.ipv6 == 0x86dd and net.ethertype.arp == 0x806 and net.ethertype.vlan == 0x8100 and
  net.dns_type.a == 1 and net.dns_type.aaaa == 28 and net.dns_class.internet == 1 and net.icmp_type.unreachable == 3)

-- layouts are ordinary ones: they go into others
local frame = packet '02005e005301 02005e005302 0800 45000014 00000000 40060000 c0000201 c0000202'
frame:layout {eth = {0, net.ethernet}, ip = {14, net.ipv4}}
assert(frame.eth.type == net.ethertype.ipv4 and frame.ip.dst == '192.0.2.2' and #frame.ip == 20)
frame.ip.ttl = 1
assert(frame[22] == 1)

-- addresses as bytes and as text
assert(net.ip '\xc0\0\2\1' == '192.0.2.1' and net.ip('\xfe\x80' .. ('\0'):rep(13) .. '\1') == 'fe80::1')
assert(net.ip(frame:segment(26, 4)) == '192.0.2.1' and net.mac '\2\0\x5e\0\x53\1' == '02:00:5e:00:53:01')
assert(net.bytes '192.0.2.1' == '\xc0\0\2\1' and net.bytes '::1' == ('\0'):rep(15) .. '\1')
assert(net.bytes '02-00-5e-00-53-01' == '\2\0\x5e\0\x53\1')
for _, text in ipairs {'', 'localhost', '1.2.3', '1.2.3.4\0', ('1'):rep(100)} do assert(net.bytes(text) == nil) end
for _, bytes in ipairs {'', '12345', ('x'):rep(17), ('x'):rep(1000)} do
  local ok, message = pcall(net.ip, bytes)
  assert(not ok and message:find('an IP address has 4 or 16 bytes, not ' .. #bytes), message)
  ok, message = pcall(net.mac, bytes)
  assert(not ok and message:find('a MAC address has 6 bytes, not ' .. #bytes), message)
end
assert(not pcall(net.ip) and not pcall(net.ip, {}) and not pcall(net.bytes, nil) and not pcall(net.mac, true))

-- names as DNS has them
assert(net.dns_name 'www.Example.com' == '\3www\7example\3com\0' and net.dns_name 'com.' == '\3com\0')
assert(net.dns_name '' == '\0' and net.dns_name '.' == '\0' and net.dns_name(('a'):rep(63)) == '\63' .. ('a'):rep(63) .. '\0')
local longest = (('a'):rep(49) .. '.'):rep(5) .. 'abc'
assert(#longest == 253 and #net.dns_name(longest) == 255 and net.dns_name(longest .. '.') == net.dns_name(longest))
for text, problem in pairs {
  ['a..b'] = 'has an empty label', ['.a'] = 'has an empty label', ['..'] = 'has an empty label',
  [('a'):rep(64)] = 'has a label of more than 63 bytes', ['x.' .. ('a'):rep(64) .. '.y'] = 'has a label of more than 63 bytes',
  [longest .. 'd'] = 'is longer than a domain name can be',
} do
  local name, message = net.dns_name(text)
  assert(name == nil and message:find(problem, 1, true), text)
end
local function same(list, ...)
  local wanted, count = {...}, 0
  for name, value in pairs(list) do assert(value == true) count = count + 1 end
  for _, name in ipairs(wanted) do assert(list[net.dns_name(name)], name) end
  assert(count == #wanted, count)
end
same(net.dns_names '', table.unpack {})
same(net.dns_names 'one.example\nTWO.example.\r\n\t*.three.example # four.example\n# five.example', 'one.example', 'two.example', 'three.example')
same(net.dns_names '0.0.0.0 ads.example\n::1 a.example b.example\n127.0.0.1\ta.example#c.example', 'ads.example', 'a.example', 'b.example')
same(net.dns_names '1.2.3\n10.0.0.1\nfe80::1', '1.2.3')       -- only what is an address is passed over
local ok, message = pcall(net.dns_names, 'one.example\n\n two..example')
assert(not ok and message:find("line 3 of the list: 'two..example' has an empty label", 1, true), message)
ok, message = pcall(net.dns_names, ('a'):rep(1000))
assert(not ok and message:find("line 1 of the list: '" .. ('a'):rep(80) .. "' is longer", 1, true), message)
assert(not pcall(net.dns_names) and not pcall(net.dns_names, {}) and not pcall(net.dns_name, nil))
assert(collectgarbage 'isrunning')
local many = {}
for n = 1, 5000 do many[n] = 'n' .. n .. '.example' end
same(net.dns_names(table.concat(many, '\n')), table.unpack(many))
