-- modbus.func_code in {5, 6, 15, 16, 22, 23}: a Modbus/TCP request or answer that writes
local data = require 'data'
local net = require 'net'
local modbus = data.layout { transaction = { 0, 16 }, protocol = { 16, 16 }, length = { 32, 16 }, unit = { 48, 8 },
  func_code = { 56, 8 } }
local writes = { [5] = true, [6] = true, [15] = true, [16] = true, [22] = true, [23] = true }

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.tcp or (pkt.sport ~= 502 and pkt.dport ~= 502) then return true end
  pld:layout(modbus)
  return not (pld.protocol == 0 and writes[pld.func_code])
end
