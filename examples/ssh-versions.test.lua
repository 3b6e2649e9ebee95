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

  { 'others pass',
    packets = { banner 'SSH-2.0-OpenSSH_9.2p1', banner 'SSH-2.0-OpenSSH_5.30', banner ' SSH-2.0-OpenSSH_5.3', packet.tcp {flags = 'S'} },
    expect = 'pass', logs = {} },

  { 'recorded sessions of several clients', capture = 'captures/ssh.pcap',
    expect = {block = 4} },
}
