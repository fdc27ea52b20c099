(function () {
    let s = "";
    for (let i = 0; i < 100000; i++) {
        s += "k" + (i % 10) + ",";
    }
    const parts = s.split(",");
    const r = s.replaceAll("k", "kk");
    return parts.length * 1000000 + s.length + r.length;
})()
