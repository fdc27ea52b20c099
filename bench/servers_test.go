package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/dop251/goja"
)

// peerEnv makes this test binary, run again, a server to compare with: its
// value names which.
const peerEnv = "PICLOUD_BENCH_PEER"

// peers are those servers. Each answers /hello, /echo and /fib as the scripts
// in scripts/ do.
var peers = map[string]func() http.Handler{"bare": bareHandler, "goja": gojaHandler}

// servePeer serves one of the peers for ever. It prints its address.
func servePeer(name string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		fmt.Printf("serving http://%s\n", l.Addr())
		err = http.Serve(l, peers[name]())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// fibArgument is how much work /fib is.
const fibArgument = 20

// order is what /echo takes.
type order struct {
	ID    int      `json:"id"`
	Name  string   `json:"name"`
	Tags  []string `json:"tags"`
	Items []item   `json:"items"`
	Total float64  `json:"total"`
	Done  bool     `json:"done"`
}

type item struct {
	SKU   string  `json:"sku"`
	Count int     `json:"count"`
	Price float64 `json:"price"`
}

// orderBody is what the load generator sends to /echo.
func orderBody() []byte {
	o := order{ID: 17, Name: "Ada Lovelace", Tags: []string{"new", "paid"}}
	for i := range 4 {
		o.Items = append(o.Items, item{SKU: "sku-" + strconv.Itoa(i), Count: i + 1, Price: 2.5})
	}
	body, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return body
}

// bareHandler does with net/http and encoding/json what the scripts do. It is
// the least that a Go program can do without cutting corners.
func bareHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"hello": r.URL.Query().Get("name")})
	})
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		var o map[string]any
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		total := 0.0
		for _, x := range o["items"].([]any) {
			line := x.(map[string]any)
			total += line["count"].(float64) * line["price"].(float64)
		}
		o["total"], o["done"] = total, true
		answer(w, o)
	})
	mux.HandleFunc("GET /fib", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{"fib": fib(fibArgument)}) })
	return mux
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(body)
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

// gojaSource is the three scripts in JavaScript.
const gojaSource = `
function hello(name) { return JSON.stringify({hello: name}); }
function echo(body) {
	let o = JSON.parse(body), total = 0;
	for (const line of o.items) { total += line.count * line.price; }
	o.total = total; o.done = true;
	return JSON.stringify(o);
}
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
function fibs() { return JSON.stringify({fib: fib(20)}); }
`

// gojaHandler runs the scripts in goja as a program that embeds it would: the
// machines are kept, and each is used by one request at a time.
func gojaHandler() http.Handler {
	prog := goja.MustCompile("bench.js", gojaSource, true)
	machines := make(chan *goja.Runtime, *connections)
	for range cap(machines) {
		vm := goja.New()
		if _, err := vm.RunProgram(prog); err != nil {
			panic(err)
		}
		machines <- vm
	}
	run := func(w http.ResponseWriter, name string, args ...string) {
		vm := <-machines
		defer func() { machines <- vm }()
		values := make([]goja.Value, len(args))
		for i, a := range args {
			values[i] = vm.ToValue(a)
		}
		f, _ := goja.AssertFunction(vm.Get(name))
		v, err := f(goja.Undefined(), values...)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, v.String())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) { run(w, "hello", r.URL.Query().Get("name")) })
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		run(w, "echo", string(body))
	})
	mux.HandleFunc("GET /fib", func(w http.ResponseWriter, _ *http.Request) { run(w, "fibs") })
	return mux
}
