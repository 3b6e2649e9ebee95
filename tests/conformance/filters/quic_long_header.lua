-- quic.header_form == 1: a long header (RFC 8999) of a version that exists: 1, 2 (RFC 9369), drafts of the IETF.
-- The bit after the form, once fixed, may have any value (RFC 9287).
local data = require 'data'
local net = require 'net'
local quic = data.layout { form = { 0, 1 }, version = { 8, 32 }, draft = { 8, 24 } }
local versions = { [1] = true, [0x6b3343cf] = true }

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.udp then return true end
  pld:layout(quic)
  return not (pld.form == 1 and (versions[pld.version] or pld.draft == 0xff0000))
end
