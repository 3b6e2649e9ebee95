-- arguments: edges
-- only: lua
-- each K: = 0.5 | -0.5 | 0.0 | -0.0 | 2^53 | 2^63 | -2^63 | 1e15 | 1e16 | 1e100 | 1/3 | 1/0 | -1/0 | 0/0 | 123456789.125 | 5e-324
-- each L: = %s | %d | %g | %.0f | %.14g | %.17g | %a | %q | %5.1f | %+e | %i | %x | %c
function case(i)
  tell(tostring(@K), i + @K, i * @K)
  tell(string.format('@L', i), pcall(string.format, '@L', @K))
end
