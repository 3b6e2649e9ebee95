local unknown = '\xff\xff\xff\xff'
local info = unknown .. 'TSource Engine Query\0'

local function ask(payload, more)
  local fields = {sport = 40000, dport = 27015, payload = payload}
  for key, value in pairs(more or {}) do fields[key] = value end
  return packet.udp(fields)
end

-- The challenge for 192.0.2.1 when `random` starts from the seed of the tests.
local challenge = '\xc6\xf2\x44\x6e'
local asked = {src = '192.0.2.2', dst = '192.0.2.1', sport = 27015, dport = 40000, checksums = 'right',
               payload = unknown .. 'A' .. challenge}

return {
  { 'questions of every kind are answered with the challenge, shorter than they are',
    packets = { ask(info), ask(unknown .. 'U' .. unknown), ask(unknown .. 'V' .. unknown), ask(info .. '\0\0\0\0') },
    expect = 'reply',
    after = { asked, asked, asked, asked },
    maps = { verified = {} } },

  { 'who brings it back is let through, with this question and the next ones',
    packets = { ask(info), ask(info .. challenge), ask(info .. '\1\2\3\4'), ask(unknown .. 'U' .. unknown),
                ask(info, {src = '192.0.2.77'}) },
    expect = { 'reply', 'pass', 'pass', 'pass', 'reply' },
    maps = { verified = { ['192.0.2.1'] = true } } },

  { 'five minutes later it is asked again',
    packets = { ask(info .. challenge, {time = 1000}), ask(info, {time = 1299}), ask(info, {time = 1301}) },
    expect = { 'pass', 'pass', 'reply' } },

  { 'the challenge is for one address: that of another does not help',
    packets = { ask(info .. challenge, {src = '192.0.2.3'}), ask(info .. challenge, {src = '2001:db8::1', dst = '2001:db8::2'}) },
    expect = 'reply' },

  { 'the game, other ports and what is no question pass',
    packets = { ask 'a move of the game', ask(unknown), ask(unknown .. 'T'), ask(unknown .. 'i' .. unknown), ask '',
                ask(info, {dport = 27016}), packet.tcp {dport = 27015, payload = info} },
    expect = 'pass', errors = {} },
}
