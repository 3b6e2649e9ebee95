-- arguments: words, near
-- only: lua
-- each K: = nil | true | 1.5 | '1' | a | i | {} | {1, 2} | math.abs | setmetatable({}, {__index = function(t, k) return k end, __len = function() return 7 end, __tostring = function() return 'me' end, __name = 'kind', __eq = function() return true end, __call = function(self, x) return x end, __metatable = 'locked'})
-- each L: = rawequal(v, a) | rawlen(v) | rawget(v, i) | (pcall(rawset, v, i, a)) | select(v, a, i) | type(v) | getmetatable(v) == nil | (pcall(setmetatable, v, nil)) | pcall(setmetatable, {}, v) == nil | next(v, i) | pcall(next, v, i) | pcall(v, i) | v(i) | pcall(error, v == a, i) | v == a | v .. a | #v | v[i] | v < i | (select("#", pcall(assert, v, a .. "."))) | assert(v == a, i) | tonumber(v, i) | tostring(v) == a | pcall(error, v == nil) | xpcall(function() return v[i] end, function(m) return 'handled' end) | xpcall(v, v == nil) | ipairs(v) == nil | pairs(v) == nil
function case(a, i)
  local v = @K
  tell(@L)
end
