-- arguments: view words, near
-- each K: near
-- each L: = byte | int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64 | number
function case(v, i)
  if #v > 8 then tell(v:get@L(0)) end
  tell(v:get@L(i))
  tell(v:get@L(@K))
end
