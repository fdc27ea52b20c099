(function () {
    const p = [];
    for (let i = 0; i < 100000; i++) {
        p.push("k" + (i % 10) + ",");
    }
    const s = p.join("");
    const parts = s.split(",");
    const r = s.replaceAll("k", "kk");
    return parts.length * 1000000 + s.length + r.length;
})()
