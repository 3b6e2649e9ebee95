-- Lets Modbus/TCP clients read registers and coils, and nothing else.

local net = require 'net'

-- MODBUS Messaging on TCP/IP, 3.1.3: the MBAP header, then the function code.
local modbus = data.layout {
  transaction = {0, 16}, protocol = {16, 16}, length = {32, 16}, unit = {48, 8}, func = {56, 8},
}

local reading = {[1] = true, [2] = true, [3] = true, [4] = true, [7] = true, [20] = true, [24] = true, [43] = true}

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.tcp or pkt.dport ~= 502 then return end
  if #pld == 0 then return end                       -- handshakes and acknowledgements
  local request = pld:layout(modbus)
  if request.protocol ~= 0 or not reading[request.func] then
    return 'reject'
  end
end
