-- Runs a table's script in the stock interpreter: lua5.4 stock.lua SCRIPT RECORDS ARGUMENTS
-- ARGUMENTS is a letter an argument, t for a text, v for a view on one and i for an integer. The modules data and net are
-- those of data.lua beside this file. Writes for each record a letter, l for the
-- lines it logged and e for the error it raised, and the text behind its length.
local script, records, arguments = ...

local model = dofile((arg[0]:gsub('[^/]*$', 'data.lua')))
package.loaded.data, package.loaded.net = model.data, model.net

local lines = {}
function log(...)
  lines[#lines + 1] = string.format(...):gsub('\n', '\\n')
end

assert(loadfile(script, 't'))()

local file = assert(io.open(records, 'rb'))
local bytes = file:read('a')
file:close()
local at = 1
local answers = {}
while at <= #bytes do
  local i, j, la, lb
  i, j, la, lb, at = string.unpack('<i8i8BB', bytes, at)
  local texts, integers = {bytes:sub(at, at + la - 1), bytes:sub(at + la, at + la + lb - 1)}, {i, j}
  at = at + la + lb
  local given, t, n = {}, 0, 0
  for kind in arguments:gmatch('.') do
    if kind ~= 'i' then
      t = t + 1
      given[#given + 1] = kind == 'v' and model.data.view(texts[t]) or texts[t]
    else
      n = n + 1
      given[#given + 1] = integers[n]
    end
  end
  lines = {}
  local fine, problem = pcall(case, table.unpack(given))
  local text = fine and table.concat(lines, '\n') or tostring(problem):gsub('^[^\n]-%.lua:%d+: ', '')
  answers[#answers + 1] = (fine and 'l' or 'e') .. string.pack('>s4', text)
end
io.stdout:write(table.concat(answers))
