-- arguments: words, bytes
function case(a, i)
  if i >= 0 and i < 256 then
    local s = a:sub(1, 20) .. string.char(i) .. a:sub(1, 20)
    tell(s:lower(), s:upper())
  end
end
