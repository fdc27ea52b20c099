package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// target is something to put under load.
type target struct {
	url  string
	body []byte // makes it a POST
}

// figures is what a load generator found.
type figures struct {
	rate     float64 // requests a second
	requests int64
	p50, p99 time.Duration
	cpu      time.Duration // of the server for a request
}

var (
	rateLine  = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	countLine = regexp.MustCompile(`([0-9]+) requests in`)
	p50Line   = regexp.MustCompile(`\s50%\s+([0-9.]+[a-z]+)`)
	p99Line   = regexp.MustCompile(`\s99%\s+([0-9.]+[a-z]+)`)
	errorLine = regexp.MustCompile(`(?m)^\s*(Non-2xx|Socket errors).*$`)
)

// wrkPath finds the load generator.
func wrkPath(tb testing.TB) string {
	tb.Helper()
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		tb.Skip("wrk, the load generator, is not installed (the make targets install it)")
	}
	return wrk
}

// load puts a server under load. Any error fails the benchmark.
func load(tb testing.TB, t target, conns int, d time.Duration) figures {
	tb.Helper()
	args := []string{"-t1", "-c", strconv.Itoa(conns), "-d", fmt.Sprintf("%ds", max(1, int(d.Seconds()))), "--latency"}
	if t.body != nil {
		args = append(args, "-s", postScript(tb, t.body))
	}
	out, err := exec.Command(wrkPath(tb), append(args, t.url)...).CombinedOutput()
	if err != nil {
		tb.Fatalf("wrk %s: %v\n%s", t.url, err, out)
	}
	if m := errorLine.Find(out); m != nil {
		tb.Fatalf("%s: %s", t.url, m)
	}
	rate, err := strconv.ParseFloat(found(tb, rateLine, out), 64)
	if err != nil {
		tb.Fatal(err)
	}
	return figures{
		rate: rate, requests: number(tb, found(tb, countLine, out)),
		p50: duration(tb, found(tb, p50Line, out)), p99: duration(tb, found(tb, p99Line, out)),
	}
}

func found(tb testing.TB, re *regexp.Regexp, out []byte) string {
	tb.Helper()
	m := re.FindSubmatch(out)
	if m == nil {
		tb.Fatalf("wrk does not say %s:\n%s", re, out)
	}
	return string(m[1])
}

func duration(tb testing.TB, s string) time.Duration {
	tb.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// postScript tells wrk to send a body.
func postScript(tb testing.TB, body []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "post.lua")
	text := fmt.Sprintf("wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.body = [==[%s]==]\n", body)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

// median is the middle of values.
func median[T ~int64 | ~float64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// spread is half of what lies between the least and the most, as a share of
// the median.
func spread(values []float64) float64 {
	return (slices.Max(values) - slices.Min(values)) / 2 / median(values)
}
