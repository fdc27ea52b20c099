package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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

// bareEnv makes this test binary, run again, the server to compare with.
const bareEnv = "PICLOUD_BENCH_BARE"

func TestMain(m *testing.M) {
	if os.Getenv(bareEnv) != "" {
		serveBare()
		return
	}
	os.Exit(m.Run())
}

// helloScript and the handler of serveBare answer the same.
const helloScript = `fn handle(req) { "Hello, world" }`

// serveBare is the least that a Go server can do. It prints its address.
func serveBare() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("serving http://%s\n", l.Addr())
	err = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "Hello, world")
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// BenchmarkHello compares requests a second of a hello script with those of a
// bare net/http handler in a process of its own. Both are loaded by wrk, in
// turns, on the same machine; wrk takes its share of the processors from both.
func BenchmarkHello(b *testing.B) {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		b.Fatal("wrk, the load generator, is not installed (make bench installs it)")
	}
	bare := startBare(b) + "/hello"
	script := startScript(b) + "/hello"
	for _, url := range []string{bare, script} {
		load(b, wrk, url, time.Second) // connections, caches and the heap reach their usual size
	}
	var bareRates, scriptRates []float64
	for i := range *rounds {
		bareRates = append(bareRates, load(b, wrk, bare, *roundTime))
		scriptRates = append(scriptRates, load(b, wrk, script, *roundTime))
		b.Logf("round %d: net/http %.0f, script %.0f requests/s", i+1, bareRates[i], scriptRates[i])
	}
	bareRate, scriptRate := median(bareRates), median(scriptRates)
	b.Logf("medians: net/http %.0f, script %.0f requests/s: the script does %.2f of what net/http does", bareRate, scriptRate, scriptRate/bareRate)
	b.ReportMetric(0, "ns/op") // a benchmark of one iteration, which says nothing
	b.ReportMetric(bareRate, "net/http-req/s")
	b.ReportMetric(scriptRate, "script-req/s")
	b.ReportMetric(scriptRate/bareRate, "ratio")
}

func startBare(b *testing.B) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), bareEnv+"=1")
	p := testenv.Start(b, cmd)
	var url string
	testenv.Eventually(b, "the bare server says its address", func() bool {
		_, rest, _ := strings.Cut(p.Output(), "serving ")
		var whole bool
		url, _, whole = strings.Cut(rest, "\n")
		return whole
	})
	return url
}

// startScript starts the built picloud, deploys the script, and returns the
// public address.
func startScript(b *testing.B) string {
	b.Helper()
	picloud := testenv.Path(b, "bin", "picloud")
	dir := b.TempDir()
	ready := filepath.Join(dir, "ready.json")
	serve := exec.Command(picloud, "serve", "--data", filepath.Join(dir, "data"),
		"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--ready-file", ready)
	serve.Env = append(os.Environ(), "PICLOUD_OWNER_USERNAME=bench", "PICLOUD_OWNER_EMAIL=bench@example.com", "PICLOUD_OWNER_PASSWORD=only for this run")
	testenv.Start(b, serve)
	var addresses struct{ Public, Admin string }
	testenv.Eventually(b, "picloud serves", func() bool {
		text, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(text, &addresses) == nil
	})

	source := filepath.Join(dir, "hello.rhai")
	if err := os.WriteFile(source, []byte(helloScript), 0o644); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		stdin string
		args  []string
	}{
		{"only for this run\n", []string{"login", addresses.Admin, "--username", "bench", "--password-stdin"}},
		{"", []string{"deploy", source}},
	} {
		cmd := exec.Command(picloud, c.args...)
		cmd.Env = append(os.Environ(), "PICLOUD_CONFIG="+filepath.Join(dir, "session"))
		cmd.Stdin = strings.NewReader(c.stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("picloud %s: %v\n%s", c.args[0], err, out)
		}
	}
	return addresses.Public
}

var (
	rateLine  = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	errorLine = regexp.MustCompile(`(?m)^\s*(Non-2xx|Socket errors).*$`)
)

// load puts a server under load and returns the requests that it answered in a
// second. Any error fails the benchmark.
func load(b *testing.B, wrk, url string, d time.Duration) float64 {
	b.Helper()
	out, err := exec.Command(wrk, "-t1", "-c", strconv.Itoa(*connections), "-d", strconv.Itoa(max(1, int(d.Seconds())))+"s", url).CombinedOutput()
	if err != nil {
		b.Fatalf("wrk %s: %v\n%s", url, err, out)
	}
	if m := errorLine.Find(out); m != nil {
		b.Fatalf("%s: %s", url, m)
	}
	m := rateLine.FindSubmatch(out)
	if m == nil {
		b.Fatalf("wrk says no rate:\n%s", out)
	}
	rate, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return rate
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
