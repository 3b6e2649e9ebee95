-- log with a precision for a string: zeros in it are then an error.
-- refused: log-format 5
function filter(hdr, pld, pkt)
  if hdr[5] % 4 == 1 then
    log('%.3s', tostring(pld:segment(0, 4)))
  end
end
