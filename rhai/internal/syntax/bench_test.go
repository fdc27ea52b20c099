package syntax

import (
	"strconv"
	"strings"
	"testing"
)

// benchSource is a program of about 1 MB with the mix of a real one.
func benchSource() string {
	const part = `
/// Adds up the open orders of a customer.
fn total_%(orders, customer) {
    let sum = 0.0;
    for order in orders {
        if order.customer == customer && !order.paid {
            sum += order.price * (1.0 + order.tax / 100.0); // with tax
        }
    }
    sum
}

let orders_% = [
    #{ customer: "ann", price: 12.50, tax: 19, paid: false },
    #{ customer: "bob", price: 7.25, tax: 7, paid: true },
];
let names_% = ["ann", "bob"].map(|n| n.to_upper()).filter(|n| n.len() > 2);
switch names_%[0] {
    "ANN" | "BOB" => print(` + "`total ${total_%(orders_%, \"ann\")}`" + `),
    _ => {},
}
while names_%.len() > 0x10 { names_%.pop(); }
`
	var b strings.Builder
	for i := 0; b.Len() < 1<<20; i++ {
		b.WriteString(strings.ReplaceAll(part, "%", strconv.Itoa(i)))
	}
	return b.String()
}

func BenchmarkLex(b *testing.B) {
	// Without interpolations, in which the parser has to guide the lexer.
	src := strings.ReplaceAll(benchSource(), "`total ${total_", "`total` + (total_")
	src = strings.ReplaceAll(src, ")}`", "))")
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		var l lexer
		l.init(src)
		for l.next(); l.tok.kind != tEOF; l.next() {
		}
	}
}

func BenchmarkParse(b *testing.B) {
	src := benchSource()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(src, nativeOptions()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseSmall is what an eval in a loop costs.
func BenchmarkParseSmall(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("x += 1;", nativeOptions()); err != nil {
			b.Fatal(err)
		}
	}
}
