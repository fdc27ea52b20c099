(function () {
    const n = 100000;
    let x = 42;
    const a = [];
    for (let i = 0; i < n; i++) {
        x = x * 16807 % 2147483647;
        a.push(x);
    }
    a.sort((p, q) => p - q);
    return a[0] + a[n / 2] + a[n - 1];
})()
