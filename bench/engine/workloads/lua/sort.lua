local n = 100000
local x = 42
local a = {}
for i = 1, n do
    x = x * 16807 % 2147483647
    a[#a + 1] = x
end
table.sort(a, function(p, q) return p < q end)
return a[1] + a[n / 2 + 1] + a[n]
