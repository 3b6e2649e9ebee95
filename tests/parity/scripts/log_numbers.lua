-- log with numbers in every format.
function filter(hdr, pld, pkt)
  if hdr[5] % 8 == 0 then
    log('%d %i %5d|%-5d|%05d %x %X %#x %o %c %+d', hdr[5], -hdr[8], hdr[8], hdr[9], hdr[4], hdr[12], hdr[13], hdr[14], hdr[15], 65, hdr[5])
  end
end
