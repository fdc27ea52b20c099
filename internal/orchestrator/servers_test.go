package orchestrator

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/httpd"
)

// BenchmarkServers compares our server with net/http's under the load of wrk,
// in turns: with a handler that does nothing, and with a whole request of ours.
// Besides requests a second it tells the CPU time of each request, in which
// what else the machine does shows less.
//
//	go test -run '^$' -bench Servers -benchtime 1x ./internal/orchestrator
func BenchmarkServers(b *testing.B) {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		b.Skip("wrk, the load generator, is not installed")
	}
	n := startNode(b, nil)
	n.deploy("hello", `fn handle(req) { #{ hello: req.query.name } }`)
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		_, _ = io.WriteString(w, `{"hello":"Ada"}`)
	})
	log := slog.New(slog.DiscardHandler)
	names := []string{"bare on net/http", "bare on httpd", "script on net/http", "script on httpd"}
	addrs := []string{
		serveOn(b, &http.Server{Handler: bare}), serveOn(b, &httpd.Server{Handler: bare, Log: log}),
		serveOn(b, &http.Server{Handler: n.Orchestrator}), serveOn(b, &httpd.Server{Handler: n.Orchestrator, Log: log}),
	}
	rates, cpus := make([][]float64, len(names)), make([][]float64, len(names))
	for range 5 {
		for i, addr := range addrs {
			before := cpuTime(b)
			out, err := exec.Command(wrk, "-t1", "-c32", "-d2s", "http://"+addr+"/hello?name=Ada").CombinedOutput()
			if err != nil {
				b.Fatalf("wrk: %v\n%s", err, out)
			}
			m := regexp.MustCompile(`(?s)(\d+) requests in.*Requests/sec: +([0-9.]+)`).FindSubmatch(out)
			if m == nil {
				b.Fatalf("wrk says no rate:\n%s", out)
			}
			count, _ := strconv.ParseFloat(string(m[1]), 64)
			rate, _ := strconv.ParseFloat(string(m[2]), 64)
			rates[i] = append(rates[i], rate)
			cpus[i] = append(cpus[i], float64((cpuTime(b)-before).Nanoseconds())/1e3/count)
		}
	}
	for i, name := range names {
		slices.Sort(rates[i])
		slices.Sort(cpus[i])
		b.Logf("%-20s %8.0f requests/s (%.0f to %.0f), %5.1f µs of CPU each (%.1f to %.1f)",
			name, rates[i][2], rates[i][0], rates[i][4], cpus[i][2], cpus[i][0], cpus[i][4])
	}
	b.ReportMetric(0, "ns/op")
}

// server is what both servers have.
type server interface {
	Serve(net.Listener) error
	Close() error
}

func serveOn(b *testing.B, s server) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	b.Cleanup(func() {
		s.Close()
		<-done
	})
	return l.Addr().String()
}

// cpuTime is what this process has used, without its children.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
