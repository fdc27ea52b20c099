local n = 100000
local m = {}
for i = 0, n - 1 do
    m["key" .. i] = i
end
local s = 0
for i = 0, n - 1 do
    s = s + m["key" .. i]
end
local size = 0
for _ in pairs(m) do size = size + 1 end
return s + size
