local function answer(name, address)
  return string.pack('>I2I2I2I2I2I2', 7, 0x8180, 1, 1, 0, 0) .. name .. '\0\1\0\1' ..
         '\xc0\x0c\0\1\0\1\0\0\0\60\0\4' .. address
end

local www = '\3www\7example\3com\0'

return {
  { 'the address in the answer is replaced, the checksum right',
    packets = { packet.udp {sport = 53, payload = answer(www, '\192\0\2\80')},
                packet.udp {sport = 53, src = '2001:db8::53', payload = answer('\3WWW\7example\3com\0', '\192\0\2\80')} },
    expect = 'pass',
    after = { [1] = {payload = answer(www, '\192\0\2\99'), checksums = 'right', modified = true},
              [2] = {payload = answer('\3WWW\7example\3com\0', '\192\0\2\99'), checksums = 'right', modified = true} } },

  { 'other names, questions and cut answers stay',
    packets = { packet.udp {sport = 53, payload = answer('\3wwx\7example\3com\0', '\192\0\2\80')},
                packet.udp {dport = 53, payload = answer(www, '\192\0\2\80')},
                packet.udp {sport = 53, payload = answer(www, '\192\0\2\80'):sub(1, 20)},
                packet.udp {sport = 53, payload = ''} },
    expect = 'pass', errors = {},
    after = { [1] = {modified = false}, [2] = {modified = false}, [3] = {modified = false}, [4] = {modified = false} } },
}
