-- Lets Modbus/TCP clients read registers and coils, and nothing else.

local net = require 'net'

-- MODBUS Messaging on TCP/IP, 3.1.3: the MBAP header, whose length counts what follows it, then the function code.
local modbus = data.layout {
  transaction = {0, 16}, protocol = {16, 16}, length = {32, 16}, unit = {48, 8}, func = {56, 8}, subfunction = {64, 8},
}

local reading = {
  [1] = 'coils', [2] = 'discrete inputs', [3] = 'holding registers', [4] = 'input registers', [7] = 'exception status',
  [17] = 'server id', [20] = 'file record', [24] = 'FIFO queue', [43] = 'device identification',
}

local function reads(request)
  if request.func == 43 then return request.subfunction == 14 end     -- 13 tunnels CANopen, which can write
  return reading[request.func]
end

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.tcp or pkt.dport ~= 502 then return end
  if pkt.fragment then return 'reject' end           -- TCP is never fragmented in good faith; the rest could not be judged
  local at = 0                                       -- handshakes and acknowledgements have nothing to look at
  while at < #pld do                                 -- a segment may carry several requests, all of them whole
    local request = pld:segment(at):layout(modbus)
    if request.protocol ~= 0 or not reads(request) or request.length < 2 or at + 6 + request.length > #pld then
      return 'reject'
    end
    at = at + 6 + request.length
  end
end
