package rhai_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/picloud/picloud/rhai"
)

// orders is a program of exactly 100 lines as users write them: a handler that
// validates, computes and answers. It needs no host.
const orders = `// Takes orders for the bakery: validates them, works out what they cost and
// answers with a confirmation.
const VAT = 0.07;
const FREE_FROM = 50.0;
const OPEN_AT = 6;
const CLOSED_AT = 18;

let prices = #{
    bread: 3.20, roll: 0.45, pretzel: 0.80,
    croissant: 1.60, cake: 24.00, coffee: 2.10
};

/// What an item costs; unknown ones are an error that the caller sees.
fn price_of(prices, item) {
    let price = prices[item];
    if price == () {
        throw #{ status: 422, code: "unknown_item", message: ` + "`there is no ${item}`" + ` };
    }
    price
}

/// Checks one line of an order.
fn check_line(line, number) {
    if type_of(line) != "map" {
        throw #{ status: 422, code: "bad_line", message: "line " + number + " is not an object" };
    }
    if !("item" in line) || type_of(line.item) != "string" {
        throw #{ status: 422, code: "no_item", message: "line " + number + " has no item" };
    }
    let count = line.count ?? 1;
    if type_of(count) != "i64" || count < 1 || count > 1_000 {
        throw #{ status: 422, code: "bad_count", message: ` + "`line ${number}: ${count} is not a count`" + ` };
    }
    #{ item: line.item.to_lower(), count: count }
}

/// The discount in percent for a number of items.
fn discount(count) {
    switch count {
        0..10 => 0,
        10..50 => 5,
        50..200 => 10,
        _ => 15,
    }
}

/// Whether somebody is there to bake.
fn is_open(hour) {
    hour >= global::OPEN_AT && hour < global::CLOSED_AT
}

/// Adds everything up.
fn total(prices, lines) {
    let sum = 0.0;
    let count = 0;
    for line in lines {
        sum += price_of(prices, line.item) * line.count;
        count += line.count;
    }
    let off = discount(count);
    sum -= sum * off / 100.0;
    let delivery = if sum >= global::FREE_FROM { 0.0 } else { 4.90 };
    #{
        items: count, discount: off, net: sum, delivery: delivery,
        tax: (sum + delivery) * global::VAT,
        gross: (sum + delivery) * (1.0 + global::VAT)
    }
}

fn handle(prices, order) {
    if !is_open(order.hour ?? 12) {
        return #{ status: 409, error: "we are closed" };
    }
    let lines = [];
    let number = 0;
    for line in order.lines {
        number += 1;
        lines.push(check_line(line, number));
    }
    if lines.is_empty() {
        return #{ status: 422, error: "the order is empty" };
    }
    let sums = total(prices, lines);
    let text = lines
        .map(|l| l.count + " x " + l.item)
        .reduce(|all, l| if all == () { l } else { all + ", " + l });
    log(` + "`order of ${sums.items} items for ${order.name}: ${sums.gross}`" + `);
    #{ status: 201, summary: text, sums: sums }
}

/// Prints a line, but not a long one.
fn log(line) {
    if line.len() > 200 { line.truncate(200); }
    print(line);
}

handle(prices, #{
    name: "Ann", hour: 9,
    lines: [#{ item: "Bread", count: 2 }, #{ item: "roll", count: 12 }]
});
`

// BenchmarkCompile is about programs of a usual size: what is paid when one is
// needed that is not in memory.
func BenchmarkCompile(b *testing.B) {
	if n := strings.Count(orders, "\n"); n != 100 {
		b.Fatalf("the program has %d lines", n)
	}
	e := rhai.New(rhai.Config{})
	b.SetBytes(int64(len(orders)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Compile("orders", orders); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(retained(b, e), "kept-B/op")
}

// retained is how many bytes one compiled program keeps from the collector,
// its source text aside.
func retained(b testing.TB, e *rhai.Engine) float64 {
	b.Helper()
	const n = 200
	programs := make([]*rhai.Program, n)
	before := heapInUse()
	for i := range programs {
		p, err := e.Compile("orders", orders)
		if err != nil {
			b.Fatal(err)
		}
		programs[i] = p
	}
	after := heapInUse()
	runtime.KeepAlive(programs)
	return float64(after-before) / n
}

// TestRetained guards what a program of 100 lines keeps in memory: thousands of
// them are kept by a server.
func TestRetained(t *testing.T) {
	const most = 32 << 10
	for name, e := range map[string]*rhai.Engine{
		"unlimited": rhai.New(rhai.Config{}),
		"limited":   rhai.New(rhai.Config{Limits: rhai.Limits{StringSize: 1 << 20, ArraySize: 1 << 16, MapSize: 1 << 16}}),
	} {
		if kept := retained(t, e); kept <= 0 || kept > most {
			t.Errorf("%s: a program of 100 lines keeps %.0f bytes, more than %d", name, kept, most)
		}
	}
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkNewEngine is what a process pays once.
func BenchmarkNewEngine(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		rhai.New(rhai.Config{})
	}
}

// BenchmarkNewVM is a fresh machine with its first, smallest run.
func BenchmarkNewVM(b *testing.B) {
	e, p := compiled(b, "1")
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.NewVM().Run(ctx, rhai.Run{Program: p}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRun is the smallest run of a machine that is kept.
func BenchmarkRun(b *testing.B) {
	e, p := compiled(b, "1")
	vm, ctx := e.NewVM(), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vm.Run(ctx, rhai.Run{Program: p}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCallFunction is a call of a small function from Go, as a handler is
// called: an argument in, a result out.
func BenchmarkCallFunction(b *testing.B) {
	e, p := compiled(b, "fn double(x) { x * 2 }")
	vm, ctx := e.NewVM(), context.Background()
	run := rhai.Run{Program: p, Func: "double", Args: func(vm *rhai.VM) ([]rhai.Value, error) { return vm.Values(21) }}
	check := func(v rhai.Value) error {
		if n, ok := v.AsInt(); !ok || n != 42 {
			b.Errorf("double(21) = %d, %v", n, ok)
		}
		return nil
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vm.Run(ctx, run, check); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHandler is a small handler, run as the platform runs it: a map made
// from JSON is its argument, JSON is made of its result.
func BenchmarkHandler(b *testing.B) {
	e, p := compiled(b, handlerSource)
	vm, ctx := e.NewVM(), context.Background()
	run, answer := handlerRun(b, p)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vm.Run(ctx, run, answer); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHandlers is the same on a machine that runs another program each
// time.
func BenchmarkHandlers(b *testing.B) {
	e, p := compiled(b, handlerSource)
	_, q := compiled(b, handlerSource+"fn other(x) { x.y }")
	vm, ctx := e.NewVM(), context.Background()
	run, answer := handlerRun(b, p)
	b.ReportAllocs()
	for b.Loop() {
		run.Program, p, q = p, q, p
		if _, err := vm.Run(ctx, run, answer); err != nil {
			b.Fatal(err)
		}
	}
}

const handlerSource = `fn handle(req) {
	let name = req.query.name ?? "world";
	#{ status: 200, body: #{ hello: name } }
}
`

func handlerRun(b *testing.B, p *rhai.Program) (rhai.Run, func(rhai.Value) error) {
	request := []byte(`{"method": "GET", "path": "/hello", "query": {"name": "Ann"}, "headers": {"accept": "*/*"}}`)
	var vm *rhai.VM
	args := make([]rhai.Value, 1)
	run := rhai.Run{Program: p, Func: "handle", Args: func(v *rhai.VM) (_ []rhai.Value, err error) {
		vm = v
		args[0], err = v.FromJSON(request)
		return args, err
	}}
	return run, func(v rhai.Value) error {
		out, err := vm.JSON(v)
		if want := `{"body":{"hello":"Ann"},"status":200}`; string(out) != want {
			b.Errorf("the handler answers %s, not %s", out, want)
		}
		return err
	}
}

// BenchmarkScriptCall is a call from script to script; ns/op is for one, with
// its share of the loop around it.
func BenchmarkScriptCall(b *testing.B) {
	const calls = 10_000
	e, p := compiled(b, "fn inc(x) { x + 1 } let s = 0; for i in 0..10_000 { s = inc(s); } s")
	vm, ctx := e.NewVM(), context.Background()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if _, err := vm.Run(ctx, rhai.Run{Program: p}, nil); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*calls), "ns/call")
}

func compiled(b *testing.B, source string) (*rhai.Engine, *rhai.Program) {
	b.Helper()
	e := rhai.New(rhai.Config{Limits: rhai.Limits{Operations: 50_000_000, Memory: 64 << 20}})
	p, err := e.Compile("bench", source)
	if err != nil {
		b.Fatal(err)
	}
	return e, p
}
