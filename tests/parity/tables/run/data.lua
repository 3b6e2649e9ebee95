-- What docs/luadata.md says of views, layouts and net's functions, bit by bit and byte by byte: the oracle of tables
-- about them, for the stock interpreter. data.view(text) makes a view on a text's bytes.
local data, net = {}, {}
local state = setmetatable({}, {__mode = 'k'})  -- of each view: memory (bytes by number), offset, length, layout

local function bit_at(view, bit)
  local byte = view.memory[view.offset + bit // 8]
  return byte >> (7 - bit % 8) & 1
end

local function set_bit(view, bit, value)
  local at, mask = view.offset + bit // 8, 1 << (7 - bit % 8)
  view.memory[at] = view.memory[at] & ~mask | (value ~= 0 and mask or 0)
end

-- The numbers of the value's bits (0: the least significant) in the order the field's bits stand in memory.
local function order_of(field)
  local order = {}
  for i = 0, field.length - 1 do
    if not field.little then
      order[i] = field.length - 1 - i
    else
      local group = i // 8
      local size = math.min(8, field.length - group * 8)
      order[i] = group * 8 + size - 1 - i % 8
    end
  end
  return order
end

local function bytes_of(view, offset, length)
  local bytes = {}
  for i = 1, length do bytes[i] = string.char(view.memory[view.offset + offset + i - 1]) end
  return table.concat(bytes)
end

local function ipv4(bytes)
  return ('%d.%d.%d.%d'):format(bytes:byte(1, 4))
end

local function ipv6(bytes)
  local words = {string.unpack('>I2I2I2I2I2I2I2I2', bytes)}
  local first, most = 0, 1  -- the longest run of zeros, of two at least
  for from = 1, 8 do
    local to = from
    while to <= 8 and words[to] == 0 do to = to + 1 end
    if to - from > most then first, most = from, to - from end
  end
  -- An IPv4 address in its last bytes is written as one, as inet_ntop() has it.
  local mixed = first == 1 and (most == 6 or most == 5 and words[6] == 0xffff)
  if mixed then return (most == 5 and '::ffff:' or '::') .. ipv4(bytes:sub(13)) end
  local parts = {}
  for i = 1, 8 do parts[i] = ('%x'):format(words[i]) end
  if first == 0 then return table.concat(parts, ':') end
  return table.concat(parts, ':', 1, first - 1) .. '::' .. table.concat(parts, ':', first + most, 8)
end

local function mac(bytes)
  return ('%02x:%02x:%02x:%02x:%02x:%02x'):format(bytes:byte(1, 6))
end

local sizes, texts = {ipv4 = 4, ipv6 = 16, mac = 6}, {ipv4 = ipv4, ipv6 = ipv6, mac = mac}

-- {offset, length, type, endian}: numbers in bits, the others in bytes.
local function field_of(entry)
  local kind, endian = entry[3] or 'number', entry[4]
  if kind == 'little' or kind == 'big' then kind, endian = 'number', kind end
  return {offset = entry[1], length = entry[2], kind = kind, little = endian == 'little' or endian == 'host'}
end

local function is_inside(view, field)
  if field.kind ~= 'number' and field.kind ~= 'signed' then return field.offset + field.length <= view.length end
  return field.length >= 1 and field.length <= 64 and field.offset + field.length <= 8 * view.length
end

local function read(view, field)
  if not is_inside(view, field) then return nil end
  if field.kind == 'string' then return bytes_of(view, field.offset, field.length) end
  if texts[field.kind] then return texts[field.kind](bytes_of(view, field.offset, sizes[field.kind])) end
  local value = 0
  for i, place in pairs(order_of(field)) do value = value | bit_at(view, field.offset + i) << place end
  if field.kind == 'signed' and field.length < 64 and value >> (field.length - 1) == 1 then
    value = value - (1 << field.length)
  end
  return value
end

local function write(view, field, value)
  if not is_inside(view, field) then return end
  if field.kind == 'string' then
    for i = 1, math.min(field.length, #value) do view.memory[view.offset + field.offset + i - 1] = value:byte(i) end
    return
  end
  for i, place in pairs(order_of(field)) do set_bit(view, field.offset + i, value >> place & 1) end
end

local function new(memory, offset, length)
  local view = setmetatable({}, data.metatable)
  state[view] = {memory = memory, offset = offset, length = length}
  return view
end

local methods, accessors = {}, {}

function methods.segment(view, offset, length)
  local from = state[view]
  offset = offset or 0
  if offset < 0 or offset > from.length or (length or 0) < 0 then return nil end
  local rest = from.length - offset
  if data.strict_segments and (length or 0) > rest then return nil end
  return new(from.memory, from.offset + offset, math.min(length or rest, rest))
end

function methods.layout(view, layout)
  state[view].layout = layout
  return view
end

local function check(name, view, offset, length)
  if offset < 0 or length < 0 or offset > view.length or length > view.length - offset then
    error(("bad argument #1 to '%s' (out of range: %d bytes at offset %d of %d)"):format(name, length, offset,
                                                                                        view.length), 0)
  end
end

for name, format in pairs {int8 = 'i1', uint8 = 'I1', byte = 'I1', int16 = 'i2', uint16 = 'I2', int32 = 'i4',
                           uint32 = 'I4', int64 = 'i8', uint64 = 'i8', number = 'i8'} do
  local size = string.packsize(format)
  accessors['get' .. name] = function(view, offset)
    view = state[view]
    check('get' .. name, view, offset, size)
    return (string.unpack('=' .. format, bytes_of(view, offset, size)))
  end
  accessors['set' .. name] = function(view, offset, value)
    view = state[view]
    check('set' .. name, view, offset, size)
    local bytes = string.pack('=i8', value)
    for i = 1, size do view.memory[view.offset + offset + i - 1] = bytes:byte(i) end
  end
end

function accessors.getstring(view, offset, length)
  view = state[view]
  check('getstring', view, offset, length or 0)
  return bytes_of(view, offset, length or view.length - offset)
end

function accessors.setstring(view, offset, text)
  view = state[view]
  check('setstring', view, offset, #text)
  for i = 1, #text do view.memory[view.offset + offset + i - 1] = text:byte(i) end
end

data.metatable = {
  __index = function(view, key)
    local of = state[view]
    if methods[key] then return methods[key] end
    if of.layout and of.layout[key] then return read(of, field_of(of.layout[key])) end
    if accessors[key] then return accessors[key] end
    if math.type(key) == 'integer' then
      return key >= 0 and key < of.length and of.memory[of.offset + key] or nil
    end
    if data.strict then error(("no field '%s' in this data's layout"):format(key), 0) end
  end,
  __newindex = function(view, key, value)
    local of = state[view]
    if of.layout and of.layout[key] then
      local field = field_of(of.layout[key])
      if data.strict and not is_inside(of, field) then
        error(("cannot write field '%s': it lies outside the %d bytes of this data"):format(key, of.length), 0)
      end
      return write(of, field, value)
    end
    if math.type(key) == 'integer' and key >= 0 and key < of.length then of.memory[of.offset + key] = value & 255 end
  end,
  __len = function(view) return state[view].length end,
  __tostring = function(view) return bytes_of(state[view], 0, state[view].length) end,
  __name = 'data',
}

function data.view(text)
  local memory = {}
  for i = 1, #text do memory[i - 1] = text:byte(i) end
  return new(memory, 0, #text)
end

function data.layout(layout) return layout end

local function size_error(name, what, size)
  error(("bad argument #1 to '%s' (%s, not %d)"):format(name, what, size), 0)
end

function net.ip(bytes)
  bytes = tostring(bytes)
  if #bytes == 4 then return ipv4(bytes) end
  if #bytes == 16 then return ipv6(bytes) end
  size_error('ip', 'an IP address has 4 or 16 bytes', #bytes)
end

function net.mac(bytes)
  bytes = tostring(bytes)
  if #bytes ~= 6 then size_error('mac', 'a MAC address has 6 bytes', #bytes) end
  return mac(bytes)
end

-- Four numbers of up to 255 without leading zeros.
local function ipv4_bytes(text)
  local numbers = {text:match('^(%d+)%.(%d+)%.(%d+)%.(%d+)$')}
  if #numbers ~= 4 then return nil end
  for i, digits in ipairs(numbers) do
    if #digits > 3 or tonumber(digits, 10) > 255 or #digits > 1 and digits:sub(1, 1) == '0' then return nil end
    numbers[i] = tonumber(digits, 10)
  end
  return string.char(table.unpack(numbers))
end

-- Groups of up to four digits; the last may be an IPv4 address. Nil when they are none.
local function groups_of(text)
  local bytes = {}
  if text == '' then return '' end
  for group, at in (text .. ':'):gmatch('([^:]*):()') do
    if group:find('^%x%x?%x?%x?$') then
      bytes[#bytes + 1] = string.pack('>I2', tonumber(group, 16))
    elseif at == #text + 2 and ipv4_bytes(group) then
      bytes[#bytes + 1] = ipv4_bytes(group)
    else
      return nil
    end
  end
  return table.concat(bytes)
end

local function ipv6_bytes(text)
  local head, tail = text:match('^(.-)::(.*)$')
  if not head then
    local bytes = groups_of(text)
    return bytes and #bytes == 16 and bytes or nil
  end
  if head:find('.', 1, true) then return nil end  -- an IPv4 address stands last
  head, tail = groups_of(head), groups_of(tail)
  if not head or not tail or #head + #tail > 14 then return nil end
  return head .. ('\0'):rep(16 - #head - #tail) .. tail
end

local function mac_bytes(text)
  local pairs_of_digits = {text:match('^(%x%x)[:-](%x%x)[:-](%x%x)[:-](%x%x)[:-](%x%x)[:-](%x%x)$')}
  if #pairs_of_digits == 0 then return nil end
  for i, digits in ipairs(pairs_of_digits) do pairs_of_digits[i] = tonumber(digits, 16) end
  return string.char(table.unpack(pairs_of_digits))
end

function net.bytes(text)
  return ipv4_bytes(text) or ipv6_bytes(text) or mac_bytes(text)
end

function net.dns_name(text)
  if text == '' or text == '.' then return '\0' end
  if text:sub(-1) == '.' then text = text:sub(1, -2) end
  if #text > 253 then return nil, 'the name is longer than a domain name can be (253 bytes)' end
  local labels = {}
  for label in (text .. '.'):gmatch('([^.]*)%.') do
    if label == '' then return nil, 'the name has an empty label' end
    if #label > 63 then return nil, 'the name has a label of more than 63 bytes' end
    labels[#labels + 1] = string.pack('s1', (label:gsub('%u', string.lower)))
  end
  return table.concat(labels) .. '\0'
end

return {data = data, net = net}
