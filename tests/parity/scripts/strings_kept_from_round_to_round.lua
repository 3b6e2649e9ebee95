-- What a round made is needed in the next one, through a branch and through an inner loop.
function filter(hdr, pld, pkt)
  local text = tostring(pld:segment(0, 120))
  local longest, last, joined = '', 'none', ''
  for word in text:gmatch('%a+') do
    local small = word:lower()
    if #small > #longest then longest = small end
    for digit in text:gmatch('%d') do
      if #joined < 20 then joined = joined:sub(1, 20) .. digit .. small:sub(1, 1) end
    end
    log('%s %s', small, last)
    last = small:upper()
  end
  log('%s %s %s', longest, last, joined)
  return last ~= 'SSH'
end
