(function () {
    function zeros(n) {
        const m = [];
        for (let i = 0; i < n; i++) {
            m.push(new Array(n).fill(0));
        }
        return m;
    }
    function generate(n) {
        const tmp = 1 / n / n;
        const m = zeros(n);
        for (let i = 0; i < n; i++) {
            for (let j = 0; j < n; j++) {
                m[i][j] = tmp * (i - j) * (i + j);
            }
        }
        return m;
    }
    function multiply(a, b) {
        const n = a.length;
        const t = zeros(n);
        for (let i = 0; i < n; i++) {
            for (let j = 0; j < n; j++) {
                t[j][i] = b[i][j];
            }
        }
        const c = zeros(n);
        for (let i = 0; i < n; i++) {
            for (let j = 0; j < n; j++) {
                let s = 0;
                for (let z = 0; z < n; z++) {
                    s += a[i][z] * t[j][z];
                }
                c[i][j] = s;
            }
        }
        return c;
    }
    const n = 100;
    const c = multiply(generate(n), generate(n));
    return Math.floor(c[n / 2][n / 2] * 1e6);
})()
