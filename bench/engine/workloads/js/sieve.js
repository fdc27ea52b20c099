(function () {
    const n = 200000;
    const mask = new Array(n + 1).fill(true);
    let total = 0;
    for (let p = 2; p <= n; p++) {
        if (!mask[p]) continue;
        total++;
        for (let i = 2 * p; i <= n; i += p) {
            mask[i] = false;
        }
    }
    return total;
})()
