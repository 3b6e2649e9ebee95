-- The published filter for any version below another, in numbers.
function filter(hdr, pld, pkt)
  local major, minor = tostring(pld:segment(0, 255)):match('^SSH%-2%.0%-OpenSSH_(%d%d?)%.(%d%d?)')
  if major then
    local version = tonumber(major) * 100 + tonumber(minor)
    pkt.mark = version
    return version >= 607
  end
end
