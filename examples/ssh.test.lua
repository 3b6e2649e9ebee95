-- Tests of ssh.lua: perilune test examples/ssh.test.lua

local function from_client(banner)
  return packet.tcp { dport = 22, payload = banner }
end

return {
  { 'the banner of OpenSSH 6.4 is blocked, every other one passes',
    packets = {
      from_client 'SSH-2.0-OpenSSH_6.4\r\n',
      from_client 'SSH-2.0-OpenSSH_6.4p1 Debian-1\r\n',
      from_client 'SSH-2.0-OpenSSH_9.2\r\n',
      from_client 'SSH-2.0-PuTTY_Release_0.78\r\n',
      from_client 'SSH-1.99-OpenSSH_6.4\r\n',
    },
    expect = { 'block', 'pass', 'pass', 'pass', 'block' } },

  { 'the comment after the version does not hide it',
    packets = { from_client 'SSH-2.0-OpenSSH_6.4 FreeBSD-20131111\r\n' },
    expect = 'block' },

  { 'lines before the banner do not hide it',
    packets = { from_client 'welcome\r\nSSH-2.0-OpenSSH_6.4\r\n' },
    expect = 'block' },

  { 'a banner without its end of line is none yet',
    packets = { from_client 'SSH-2.0-OpenSSH_6.4' },
    expect = 'pass' },

  { 'it looks at payloads, whatever the port, the protocol and the IP version',
    packets = {
      packet.tcp { dport = 2222, payload = 'SSH-2.0-OpenSSH_6.4\r\n' },
      packet.tcp { src = '2001:db8::7', dport = 22, payload = 'SSH-2.0-OpenSSH_6.4\r\n' },
      packet.udp { dport = 22, payload = 'SSH-2.0-OpenSSH_6.4\r\n' },
    },
    expect = 'block' },

  { 'only the first 255 bytes are looked at',
    packets = {
      from_client(('x'):rep(234) .. 'SSH-2.0-OpenSSH_6.4\r\n'),
      from_client(('x'):rep(235) .. 'SSH-2.0-OpenSSH_6.4\r\n'),
    },
    expect = { 'block', 'pass' } },

  { 'packets without payload, and without IP, pass',
    packets = {
      packet.tcp { dport = 22, flags = 'S' },
      packet.icmp { payload = 'SSH' },
      packet.hex 'ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 c0000201 000000000000 c0000202',
    },
    expect = 'pass' },
}
