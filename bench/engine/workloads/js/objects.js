(function () {
    const c = {
        n: 0,
        inc(d) { this.n += d; },
    };
    for (let i = 0; i < 1000000; i++) {
        c.inc(i % 3);
    }
    return c.n;
})()
