local function zeros(n)
    local m = {}
    for i = 1, n do
        local row = {}
        for j = 1, n do row[j] = 0.0 end
        m[i] = row
    end
    return m
end
local function generate(n)
    local tmp = 1.0 / n / n
    local m = zeros(n)
    for i = 1, n do
        for j = 1, n do
            m[i][j] = tmp * (i - j) * (i + j - 2)
        end
    end
    return m
end
local function multiply(a, b)
    local n = #a
    local t = zeros(n)
    for i = 1, n do
        for j = 1, n do
            t[j][i] = b[i][j]
        end
    end
    local c = zeros(n)
    for i = 1, n do
        for j = 1, n do
            local s = 0.0
            for z = 1, n do
                s = s + a[i][z] * t[j][z]
            end
            c[i][j] = s
        end
    end
    return c
end
local n = 100
local c = multiply(generate(n), generate(n))
return math.floor(c[n / 2 + 1][n / 2 + 1] * 1e6)
