local json = require("cjson")
local n = 1300
local items = {}
for i = 0, n - 1 do
    items[#items + 1] = { id = i, name = "item" .. i, price = i * 0.5 + 0.25, tags = { "a", "b", "c" }, active = i % 2 == 0 }
end
local doc = { items = items, total = n }
local text = json.encode(doc)
local back = json.decode(text)
local s = 0
for _, it in ipairs(back.items) do
    s = s + it.id
end
local again = json.encode(back)
return s + #back.items + ((#text == #again and #text > n * 70) and 1 or 0)
