package bench

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/testenv"
)

// BenchmarkIsolate compares a PiCloud that runs scripts in its own process with
// one that runs them in a child (serve --isolate), in turns. What a request
// costs in processor time is disturbed least by what the machine does besides.
func BenchmarkIsolate(b *testing.B) {
	wrkPath(b)
	nodes := []*node{startNode(b), startNode(b, "--isolate")}
	for _, w := range workloads() {
		for _, n := range nodes {
			n.run("", "deploy", filepath.Join("scripts", w.name+".rhai"))
		}
		b.Run(w.name, func(b *testing.B) { compareIsolated(b, w, nodes) })
	}
}

func compareIsolated(b *testing.B, w workload, nodes []*node) {
	results, spent := make([][]figures, len(nodes)), make([][]time.Duration, len(nodes))
	for round := range *rounds + 1 {
		for i, n := range nodes {
			before := processorTime(b, n)
			f := load(b, target{n.Public + "/" + w.name + w.query, w.body}, *connections, *roundTime)
			requests := f.rate * max(1, float64(int(roundTime.Seconds())))
			if round > 0 { // the first one warms up
				results[i] = append(results[i], f)
				spent[i] = append(spent[i], time.Duration(float64(processorTime(b, n)-before)/requests))
			}
		}
	}
	var t strings.Builder
	fmt.Fprintf(&t, "\n| %-8s | executor   | requests/s |   ± | × in-process |      p50 |      p99 | processor time a request |\n|---|---|---:|---:|---:|---:|---:|---:|\n", w.name)
	base := summary(results[0])
	for i, way := range []string{"in-process", "isolated"} {
		f := summary(results[i])
		fmt.Fprintf(&t, "| %-8s | %-10s | %10.0f | %2.0f%% | %12.2f | %8s | %8s | %24s |\n",
			w.name, way, f.rate, 100*spread(rates(results[i])), f.rate/base.rate, f.p50, f.p99, median(spent[i]))
	}
	b.Log(t.String())
	b.ReportMetric(0, "ns/op") // a benchmark of one iteration, which says nothing
	b.ReportMetric(summary(results[1]).rate/base.rate, "×in-process")
	b.ReportMetric(float64(median(spent[1]))/float64(median(spent[0])), "×processor-time")
}

// processorTime is what a node's processes have used of the processors.
func processorTime(tb testing.TB, n *node) time.Duration {
	tb.Helper()
	total := testenv.ProcessorTime(tb, n.PID())
	for _, child := range n.Children(tb) {
		total += testenv.ProcessorTime(tb, child)
	}
	return total
}
