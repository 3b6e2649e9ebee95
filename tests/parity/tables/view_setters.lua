-- arguments: view words, near, edges
-- each K: = 0 | 1 | 2 | 8 | -1
-- each L: = byte | int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64 | number
function case(v, i, j)
  v:set@L(i, j)
  tell(tostring(v))
  v:set@L(@K, j)
  tell(tostring(v))
end
