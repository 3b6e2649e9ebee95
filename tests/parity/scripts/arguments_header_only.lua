-- A filter that declares the header alone.
function filter(hdr)
  return hdr[5] % 2 == 0
end
