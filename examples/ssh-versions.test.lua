local function banner(text)
  return packet.tcp {dport = 22, payload = text .. '\r\n'}
end

return {
  { 'versions of the list are blocked, in both directions and on any port',
    packets = {
      banner 'SSH-2.0-OpenSSH_5.3',
      banner 'SSH-2.0-OpenSSH_7.4 Debian-10+deb9u7',
      banner 'SSH-1.99-libssh-0.7.2',
      packet.tcp {sport = 80, dport = 40000, payload = 'SSH-2.0-OpenSSH_6.6\r\n'},
    },
    expect = 'block',
    logs = {'OpenSSH_5.3: CVE-2016-0777', 'OpenSSH_7.4: CVE-2018-15473', 'libssh-0.7.2: CVE-2018-10933', 'OpenSSH_6.6: CVE-2016-0777'} },

  { 'IPv6, VLANs and IP options make no difference',
    packets = { packet.tcp {src = '2001:db8::1', payload = 'SSH-2.0-OpenSSH_6.4\r\n'}, packet.tcp {vlan = {7, 8}, payload = 'SSH-2.0-OpenSSH_6.4\n'},
                packet.tcp {options = '\1\1\1\1', payload = 'SSH-2.0-OpenSSH_6.4'} },
    expect = 'block' },

  { 'what is cut, or only looks like a banner, does no harm',
    packets = { banner '', banner 'SSH-', banner 'SSH-2.0-', banner 'SSH--OpenSSH_6.4', banner 'SSH-2.0-nil',
                packet.tcp {payload = 'SSH-2.0-OpenSSH_6.'}, packet.tcp {payload = 'SSH-' .. ('2'):rep(251) .. '-OpenSSH_6.4\r\n'},
                packet.tcp {payload = 'SSH-2.0-' .. ('x'):rep(1000)}, packet.tcp {payload = 'SSH-2.0-\0\255'} },
    expect = 'pass', errors = {} },

  { 'others pass',
    packets = { banner 'SSH-2.0-OpenSSH_9.2p1', banner 'SSH-2.0-OpenSSH_5.30', banner ' SSH-2.0-OpenSSH_5.3', packet.tcp {flags = 'S'} },
    expect = 'pass', logs = {} },

  { 'recorded sessions of several clients', capture = 'captures/ssh.pcap',
    expect = {block = 4} },
}
