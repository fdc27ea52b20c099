package bench

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// floodConnections is how many clients of one app ask for fib(30) at once.
const floodConnections = 32

// helloConnections is how many clients the other app has: so few that they do
// not fill the machine by themselves.
const helloConnections = 4

// BenchmarkFair measures what an app that floods does to another one: the p99
// of a hello script alone and beside fib(30) on 32 connections of another app.
func BenchmarkFair(b *testing.B) {
	wrk := wrkPath(b)
	n := startNode(b)
	n.run("", "deploy", filepath.Join("scripts", "hello.rhai"))
	n.run("", "apps", "create", "flood")
	n.run("", "deploy", "--app", "flood", filepath.Join("scripts", "fib30.rhai"))
	hello := target{url: n.Public + "/hello?name=Ada"}
	flood := strings.Replace(n.Public, "127.0.0.1", "flood.localhost", 1) + "/fib30"

	load(b, hello, helloConnections, time.Second)
	var alone, beside []figures
	for i := range *rounds {
		alone = append(alone, load(b, hello, helloConnections, *roundTime))
		cmd := exec.Command(wrk, "-t1", "-c", strconv.Itoa(floodConnections), "-d", strconv.Itoa(int(roundTime.Seconds())+2)+"s", "--timeout", "60s",
			"-H", "Host: flood.localhost", strings.Replace(flood, "flood.localhost", "127.0.0.1", 1))
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond) // it is a flood by then
		beside = append(beside, load(b, hello, helloConnections, *roundTime))
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
		b.Logf("round %d: alone %.0f/s p50 %v p99 %v, beside the flood %.0f/s p50 %v p99 %v", i+1,
			alone[i].rate, alone[i].p50, alone[i].p99, beside[i].rate, beside[i].p50, beside[i].p99)
	}
	x, y := summary(alone), summary(beside)
	b.Logf("medians: alone %.0f/s p50 %v p99 %v; beside the flood %.0f/s p50 %v p99 %v: p99 × %.2f",
		x.rate, x.p50, x.p99, y.rate, y.p50, y.p99, float64(y.p99)/float64(x.p99))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(y.p99)/float64(x.p99), "p99×alone")
	b.ReportMetric(y.rate/x.rate, "rate×alone")
}
