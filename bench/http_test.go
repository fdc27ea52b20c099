package bench

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/testenv"
)

var (
	roundTime   = flag.Duration("round", 5*time.Second, "how long each server is under load in one round")
	rounds      = flag.Int("rounds", 5, "how many rounds there are")
	connections = flag.Int("connections", 32, "how many connections are open at once")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if name := os.Getenv(peerEnv); name != "" {
		servePeer(name)
	}
	os.Exit(testenv.Main(m))
}

// workload is a script and what asks for it. /hello and /fib are compared with
// the bare handler, /fib with goja too.
type workload struct {
	name, query string
	body        []byte
	peers       []string
}

func workloads() []workload {
	return []workload{
		{"hello", "?name=Ada", nil, []string{"bare", "goja"}},
		{"echo", "", orderBody(), []string{"bare", "goja"}},
		{"fib", "", nil, []string{"bare", "goja"}},
	}
}

// BenchmarkHTTP compares requests a second, and their times, of scripts on a
// whole PiCloud (routing, ids, limits and history on) with those of net/http
// handlers in processes of their own. All are loaded by wrk on the same
// machine, in turns, so that what the machine does besides falls on all; wrk
// takes its share of the processors from each.
func BenchmarkHTTP(b *testing.B) {
	wrkPath(b)
	n := startNode(b)
	servers := map[string]server{"picloud": {n.Public, n.PID()}}
	for name := range peers {
		servers[name] = startPeer(b, name)
	}
	for _, w := range workloads() {
		n.run("", "deploy", filepath.Join("scripts", w.name+".rhai"))
		b.Run(w.name, func(b *testing.B) { compare(b, w, servers) })
	}
}

// server is where one answers, and which process it is.
type server struct {
	url string
	pid int
}

// compare loads the servers in turns and prints a row for each.
func compare(b *testing.B, w workload, at map[string]server) {
	servers := append([]string{"picloud"}, w.peers...)
	results := map[string][]figures{}
	var first string
	for _, s := range servers {
		t := target{at[s].url + "/" + w.name + w.query, w.body}
		got := fetch(b, t)
		if first == "" {
			first = got
		}
		if !sameNumbers(first, got) {
			b.Fatalf("%s answers %s, and %s %s", servers[0], first, s, got)
		}
		load(b, t, *connections, time.Second) // connections, caches and the heap reach their usual size
	}
	for range *rounds {
		for _, s := range servers {
			before := finerCPU(b, at[s].pid)
			f := load(b, target{at[s].url + "/" + w.name + w.query, w.body}, *connections, *roundTime)
			f.cpu = (finerCPU(b, at[s].pid) - before) / time.Duration(max(1, f.requests))
			results[s] = append(results[s], f)
		}
	}
	report(b, w, servers, results)
}

// sameNumbers compares two answers; Rhai writes a float that is whole with its
// point, JavaScript and Go without.
func sameNumbers(a, b string) bool {
	drop := strings.NewReplacer(".0,", ",", ".0}", "}")
	return len(drop.Replace(a)) == len(drop.Replace(b))
}

func report(b *testing.B, w workload, servers []string, results map[string][]figures) {
	base := summary(results["bare"])
	ours := summary(results["picloud"])
	var t strings.Builder
	fmt.Fprintf(&t, "\n| %-8s | server  | requests/s |   ± | × bare |      p50 |      p99 | p99 × bare | CPU µs/request |\n|---|---|---:|---:|---:|---:|---:|---:|---:|\n", w.name)
	for _, s := range servers {
		f := summary(results[s])
		fmt.Fprintf(&t, "| %-8s | %-7s | %10.0f | %2.0f%% | %6.2f | %8s | %8s | %10.2f | %14.1f |\n", w.name, s, f.rate,
			100*spread(rates(results[s])), f.rate/base.rate, f.p50, f.p99, float64(f.p99)/float64(base.p99), float64(f.cpu.Nanoseconds())/1e3)
	}
	b.Log(t.String())
	b.ReportMetric(0, "ns/op") // a benchmark of one iteration, which says nothing
	b.ReportMetric(ours.rate, "req/s")
	b.ReportMetric(ours.rate/base.rate, "×bare")
	b.ReportMetric(ours.rate/summary(results["goja"]).rate, "×goja")
	b.ReportMetric(float64(ours.cpu)/float64(base.cpu), "cpu×bare")
	b.ReportMetric(float64(ours.p99)/float64(base.p99), "p99×bare")
}

func rates(list []figures) []float64 {
	var out []float64
	for _, f := range list {
		out = append(out, f.rate)
	}
	return out
}

// summary is the median of each figure by itself.
func summary(list []figures) figures {
	var p50, p99, cpu []time.Duration
	for _, f := range list {
		p50, p99, cpu = append(p50, f.p50), append(p99, f.p99), append(cpu, f.cpu)
	}
	return figures{rate: median(rates(list)), p50: median(p50), p99: median(p99), cpu: median(cpu)}
}

// fetch asks once and returns the body.
func fetch(b testing.TB, t target) string {
	b.Helper()
	method := http.MethodGet
	if t.body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(b.Context(), method, t.url, strings.NewReader(string(t.body)))
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s %s %v", t.url, resp.Status, body, err)
	}
	return string(body)
}

func fetchURL(tb testing.TB, url string) string { return fetch(tb, target{url: url}) }

func startPeer(b *testing.B, name string) server {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), peerEnv+"="+name)
	p := testenv.Start(b, cmd)
	var url string
	testenv.Eventually(b, name+" says its address", func() bool {
		_, rest, _ := strings.Cut(p.Output(), "serving ")
		var whole bool
		url, _, whole = strings.Cut(rest, "\n")
		return whole
	})
	return server{url, p.PID()}
}
