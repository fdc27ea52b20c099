local function split(s, sep)
    local parts, from = {}, 1
    while true do
        local at = string.find(s, sep, from, true)
        if not at then break end
        parts[#parts + 1] = string.sub(s, from, at - 1)
        from = at + #sep
    end
    parts[#parts + 1] = string.sub(s, from)
    return parts
end
local s = ""
for i = 0, 100000 - 1 do
    s = s .. "k" .. (i % 10) .. ","
end
local parts = split(s, ",")
local r = string.gsub(s, "k", "kk")
return #parts * 1000000 + #s + #r
