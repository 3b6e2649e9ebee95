-- match(...) == constant without a variable between.
function filter(hdr, pld)
  if tostring(pld):match('^(%u+) ') == 'GET' then return false end
  if tostring(pld:segment(0, 40)):match('SSH%-2%.0%-(%a+)') == 'OpenSSH' then return 'reject' end
  return tostring(pld):match('^%d%d%d') ~= '220'
end
