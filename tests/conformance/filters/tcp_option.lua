-- Looks for an option in a TCP header (RFC 9293, 3.1): a kind, a length that counts both, data. Two kinds are a byte alone.
local data = require 'data'
local net = require 'net'
local option_layout = data.layout { kind = { 0, 8 }, length = { 8, 8 } }
local end_of_list, no_operation = 0, 1
local first = 20

-- The option's segment, or nil.
return function(pkt, kind, length)
  if pkt.protocol ~= net.protocol.tcp or not pkt.transport then return nil end
  local at = first
  while at < #pkt.transport do
    local option = pkt.transport:segment(at):layout(option_layout)
    if option.kind == end_of_list then return nil end
    if option.kind == no_operation then
      at = at + 1
    else
      if not option.length or option.length < 2 then return nil end
      if option.kind == kind and option.length == length and at + length <= #pkt.transport then
        return option:segment(0, length)
      end
      at = at + option.length
    end
  end
end
