-- Iterations that keep texts they made for the next one: what the ones before kept is given up. One text, one that is a
-- part of another, two in turn, and one from before that stays where it is.
local function each(text, f)
  for word in text:gmatch('%w%w?%w?') do f(word) end
end

function filter(hdr, pld, pkt)
  local text = tostring(pld:segment(0, 200))
  local last, first, n = '', tostring(#text) .. '.', 0
  for i = 1, #text do
    last = text:sub(i, i + 30):lower()
    if #last % 7 == 3 then n = n + 1 end
  end

  local whole, part = '', ''
  for i = 1, #text do
    whole = text:sub(i, i + 20):upper()
    part = whole:sub(3, 9)
    if part < whole then n = n + #part end
  end

  local even, odd = 'even', 'odd'
  each(text, function(word)
    if n % 2 == 0 then even = word:lower() else odd = (word:sub(1, 3) .. '-' .. tostring(n)):sub(1, 20) end
    n = n + 1
  end)

  local i, a, b, c = 0, first, first, first
  while i < 300 do
    i = i + 1
    if i % 3 == 0 then a = tostring(i) elseif i % 3 == 1 then b = (a:sub(1, 9) .. 'y'):sub(1, 10) else c = (b:sub(1, 10) .. tostring(n + i)):sub(-40) end
    if i % 50 == 0 then c = text:sub(1, 3) end
  end
  log('%d %s %s %s %s', n, last, whole:sub(1, 10), part, first)
  log('%s %s %s %s %s', even, odd, a, b:sub(1, 30), c)
  return n % 2 == 0
end
