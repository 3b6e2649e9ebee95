local www = '\3www\7example\3com\0'
local old4, new4 = '\192\0\2\80', '\192\0\2\99'
local old6, new6 = string.pack('>I4I4I4I4', 0x20010db8, 0, 0, 0x80), string.pack('>I4I4I4I4', 0x20010db8, 0, 0, 0x99)

local function record(type, value)
  return string.pack('>I2I2I2I4s2', 0xc00c, type, 1, 60, value)
end

-- The answer of a server: header, the question, the records.
local function answer(name, ...)
  return string.pack('>I2I2I2I2I2I2', 7, 0x8180, 1, select('#', ...), 0, 0) .. name .. '\0\1\0\1' .. table.concat {...}
end

local function from_server(payload, more)
  local fields = {sport = 53, payload = payload}
  for key, value in pairs(more or {}) do fields[key] = value end
  return packet.udp(fields)
end

local function is(payload)
  return {payload = payload, checksums = 'right', modified = true}
end

local same = {modified = false}
local cname = record(5, '\3cdn\xc0\x10')

return {
  { 'the address in the answer is replaced, the checksum right',
    packets = { from_server(answer(www, record(1, old4))),
                from_server(answer('\3WWW\7example\3com\0', record(1, old4)), {src = '2001:db8::53'}),
                from_server(answer(www, record(28, old6))),
                from_server(answer(www, record(1, old4)), {vlan = 7}) },
    expect = 'pass',
    after = { [1] = is(answer(www, record(1, new4))), [2] = is(answer('\3WWW\7example\3com\0', record(1, new4))),
              [3] = is(answer(www, record(28, new6))), [4] = is(answer(www, record(1, new4))) } },

  { 'all addresses are, also behind an alias',
    packets = { from_server(answer(www, record(1, old4), record(1, '\192\0\2\81'), record(1, '\192\0\2\82'))),
                from_server(answer(www, cname, record(1, old4), record(28, old6))) },
    after = { [1] = is(answer(www, record(1, new4), record(1, new4), record(1, new4))),
              [2] = is(answer(www, cname, record(1, new4), record(28, new6))) } },

  { 'other names, questions and cut answers stay',
    packets = { from_server(answer('\3wwx\7example\3com\0', record(1, old4))),
                packet.udp {dport = 53, payload = answer(www, record(1, old4))},
                from_server(answer(www, record(1, old4)):sub(1, 20)),
                from_server(''),
                from_server(answer(www):sub(1, -5)), from_server(answer(www, record(1, old4)):sub(1, 35)),
                from_server(answer(www, record(1, old4)):sub(1, 40)), from_server(answer(www, record(1, old4)):sub(1, 47)),
                from_server(answer(www)), from_server(answer(www, record(16, '\5hello'))), from_server(answer(www, record(1, 'short'))) },
    expect = 'pass', errors = {},
    after = { [1] = same, [2] = same, [3] = same, [4] = same, [5] = same, [6] = same, [7] = same, [8] = same, [9] = same, [10] = same, [11] = same } },
}
