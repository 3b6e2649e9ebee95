-- expect load: not enough memory
-- The main chunk eats all memory.
local s = 'x'
while true do s = s .. s end
