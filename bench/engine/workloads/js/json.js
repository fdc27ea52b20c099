(function () {
    const n = 1300;
    const items = [];
    for (let i = 0; i < n; i++) {
        items.push({ id: i, name: "item" + i, price: i * 0.5 + 0.25, tags: ["a", "b", "c"], active: i % 2 === 0 });
    }
    const doc = { items: items, total: n };
    const text = JSON.stringify(doc);
    const back = JSON.parse(text);
    let s = 0;
    for (const it of back.items) {
        s += it.id;
    }
    const again = JSON.stringify(back);
    return s + back.items.length + (text.length === again.length && text.length > n * 70 ? 1 : 0);
})()
