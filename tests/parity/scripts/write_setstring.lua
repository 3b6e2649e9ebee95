-- setstring writes all bytes of a string.
function filter(hdr, pld, pkt)
  if #pld > 20 then
    pld:setstring(3, 'perilune')
    pld:setstring(12, tostring(pld:segment(0, 5)))
  elseif #pld > 0 then
    pld:setstring(#pld - 1, 'ab')                -- one byte too long: an error
  end
end
