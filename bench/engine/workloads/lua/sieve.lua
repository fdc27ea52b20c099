local n = 200000
local mask = {}
for i = 1, n do mask[i] = true end
local total = 0
for p = 2, n do
    if mask[p] then
        total = total + 1
        for i = 2 * p, n, p do
            mask[i] = false
        end
    end
end
return total
