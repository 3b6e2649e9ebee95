-- Measures string.match for pattern_bench, in whichever Lua runs it: pattern_peer.lua FILE
-- FILE has lines "PATTERN SUBJECT" in hexadecimal; printed are, a line each, nanoseconds of one match, and 1 or 0 for found or not.
local SECONDS, ROUNDS = 0.01, 3          -- of a round at least; the best round counts

local function text(digits)
  return (digits:gsub('..', function(pair) return string.char(tonumber(pair, 16)) end))
end

local function time(pattern, subject)
  local count, best, match, clock = 1, math.huge, string.match, os.clock
  for _ = 1, ROUNDS do
    while true do
      local begin = clock()
      for _ = 1, count do match(subject, pattern) end
      local seconds = clock() - begin
      if seconds >= SECONDS then
        best = math.min(best, seconds / count * 1e9)
        break
      end
      count = count * 2
    end
  end
  return best
end

for line in io.lines(arg[1]) do
  local pattern, subject = line:match('^(%x*) (%x*)$')
  pattern, subject = text(pattern), text(subject)
  print(string.format('%.1f %d', time(pattern, subject), subject:match(pattern) and 1 or 0))
end
