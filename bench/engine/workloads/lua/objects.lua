local c = { n = 0 }
function c:inc(d) self.n = self.n + d end
for i = 0, 1000000 - 1 do
    c:inc(i % 3)
end
return c.n
