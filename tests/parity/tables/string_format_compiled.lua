-- arguments: edges
-- each K: = %d | %i | %s | %x | %X | %02x | %1x | %015x | %016X | %00x | %c | %d%% | <%x> | %d, | %s%
function case(i)
  tell(string.format('@K', i), ('@K'):format(i & 255), #string.format('@K', i))
end
