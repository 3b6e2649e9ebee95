-- log with strings, slices of the packet among them.
function filter(hdr, pld, pkt)
  if #pld > 0 and hdr[5] % 4 == 0 then
    log('%s %s [%10s|%-10s] %%', 'payload', tostring(pld:segment(0, 12)), 'right', 'left')
  end
end
