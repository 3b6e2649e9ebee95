-- Results whose number is open, as the last of a list: more of them than the function has registers of its own.
local function last(a, b, c, d) return d end
local function count(...) return select('#', ...) end
local function sixth(...) return (select(6, ...)) end
local function pass_on(...) return ... end

function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 40) or pld)
  if last(s:find('(.)(.)')) == 'b' then return false end
  if s:find('%w%w') then log('%s %s %s %s', s:find('([%w])([%w])')) end
  if #s > 6 then log('%s %s %s %s %s %s %s', s:byte(1, 7)) end
  if count(s:byte(1, 12)) ~= math.min(12, #s) then return 'reject' end
  if (sixth(s:byte(1, 9)) or 0) > 0x70 then return false end
  if #s > 0 and math.max(0, s:byte(1, 12)) < 0x20 then return false end
  if select('#', pass_on(pass_on(s:match('(.)(.)(.)(.)')))) == 4 then
    local t = {'first', pass_on(s:match('(.)(.)(.)(.)'))}
    if t[5] == t[2] then return nil end
  end
  local sum = 0
  for i = 1, 3 do
    sum = sum + (last(i, i + 1, s:byte(i, i + 3)) or 7)
  end
  if sum % 5 == 0 then
    return last(pkt.dport, 1, s:byte(2, 3)) ~= 0x20
  end
  return pass_on(last(s:byte(1, 4)) ~= 0x2d)
end
