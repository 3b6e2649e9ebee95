-- Does a pattern match? The match itself is not needed.
function filter(hdr, pld, pkt)
  if tostring(pld):match('[Uu]ser%-?[Aa]gent') then return false end
  if tostring(pld):find('%.com') then return 'reject' end
end
