-- Names of different lengths in a constant table of 2,000 entries.
local names = {}
for i = 1, 2000 do names[('host%d'):format(i)] = true end
names.www, names.ftp, names['SSH-2.0'], names['GET'] = 1, 2, 3, 4

function filter(hdr, pld, pkt)
  local word = tostring(pld:segment(0, 40)):match('^[%w%-.]+')
  local found = word and names[word]
  if found == true then return 'reject' end
  if found then return found % 2 == 0 end
end
