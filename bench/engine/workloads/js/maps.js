(function () {
    const n = 100000;
    const m = new Map();
    for (let i = 0; i < n; i++) {
        m.set("key" + i, i);
    }
    let s = 0;
    for (let i = 0; i < n; i++) {
        s += m.get("key" + i);
    }
    return s + m.size;
})()
