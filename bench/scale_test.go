package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/testenv"
)

var (
	scripts = flag.Int("scripts", 1000, "how many scripts are deployed")
	idle    = flag.Duration("idle", time.Minute, "how long the idle server is watched")
)

// deployBatch is how many scripts one deploy takes.
const deployBatch = 200

// deployMany deploys so many scripts of about a hundred lines each.
func (n *node) deployMany(count int) {
	n.tb.Helper()
	for at := 0; at < count; at += deployBatch {
		dir, project := n.tb.TempDir(), ""
		for i := at; i < min(at+deployBatch, count); i++ {
			name := fmt.Sprintf("s%05d", i)
			project += fmt.Sprintf("[[scripts]]\nfile = %q\n", name+".rhai") + triggers(i)
			write(n.tb, filepath.Join(dir, name+".rhai"), longScript(i))
		}
		write(n.tb, filepath.Join(dir, "picloud.toml"), project)
		n.run("", "deploy", dir)
	}
}

// triggers has each script have a schedule that is far off, and the first hundred
// subscribe to a topic: what an idle server waits for.
func triggers(i int) string {
	text := "schedules = [{ name = \"far\", cron = \"@yearly\", time_zone = \"Europe/Berlin\" }]\n"
	if i < 100 {
		text += "subscriptions = [{ topic = \"orders\" }]\n"
	}
	return text
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// longScript is a script like those that people write, of which no two are the
// same.
func longScript(i int) string {
	text := fmt.Sprintf("// Script %d.\nfn on_schedule(ev) {}\nfn on_message(m) {}\nfn handle(req) { let x = %d; #{ hello: req.query.name, x: part0(x) } }\n", i, i)
	for j := range 16 {
		text += fmt.Sprintf("fn part%d(x) {\n    let list = [];\n    for i in 0..3 {\n        list.push(x * %d + i);\n    }\n    if list.len() > 5 { return -1; }\n    list[0]\n}\n", j, j+i)
	}
	return text
}

// restart stops the server and starts it again on its data; the time is from
// exec to the first answer of a script.
func (n *node) restart() time.Duration {
	n.tb.Helper()
	if err := syscall.Kill(n.PID(), syscall.SIGTERM); err != nil {
		n.tb.Fatal(err)
	}
	testenv.Eventually(n.tb, "the server has ended", func() bool { return !n.Running() })
	began := time.Now()
	n.start()
	fetchURL(n.tb, n.Public+"/s00000?name=Ada")
	return time.Since(began)
}

var statementsLine = regexp.MustCompile(`statements=(\d+)|"statements":(\d+)`)

// statements asks the server how many statements its database has seen.
func (n *node) statements() int64 {
	n.tb.Helper()
	before := len(statementsLine.FindAllString(n.Output(), -1))
	if err := syscall.Kill(n.PID(), syscall.SIGUSR1); err != nil {
		n.tb.Fatal(err)
	}
	var found [][]string
	testenv.Eventually(n.tb, "the server tells its status", func() bool {
		found = statementsLine.FindAllStringSubmatch(n.Output(), -1)
		return len(found) > before
	})
	last := found[len(found)-1]
	return number(n.tb, last[1]+last[2])
}

// BenchmarkIdle measures what a server with many scripts does while nobody asks
// it for anything.
func BenchmarkIdle(b *testing.B) {
	n := startNode(b)
	n.deployMany(*scripts)
	start := n.restart()
	resident := usageOf(b, n.PID()).resident
	waitQuiet(b, n)
	n.statements() // the asking itself has run once
	statements, before, cpu := n.statements(), usageOf(b, n.PID()), finerCPU(b, n.PID())
	time.Sleep(*idle) // what is measured is this
	after, used := usageOf(b, n.PID()), finerCPU(b, n.PID())-cpu
	ran := n.statements() - statements
	b.Logf("%d scripts: first answer %v after exec; resident %.1f MiB then, %.1f MiB before and %.1f MiB after %v of idling",
		*scripts, start.Round(time.Millisecond), mib(resident), mib(before.resident), mib(after.resident), *idle)
	b.Logf("idle for %v: utime+stime %v (by schedstat %v), %d voluntary context switches, %d statements",
		*idle, after.cpu-before.cpu, used, after.switches-before.switches, ran)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(used.Microseconds())/1e3, "cpu-ms")
	b.ReportMetric(float64(ran), "statements")
	b.ReportMetric(mib(after.resident), "MiB")
	b.ReportMetric(float64(start.Milliseconds()), "start-ms")
}

// waitQuiet waits until the server has done what a start leaves to be done: it
// uses no CPU for a while.
func waitQuiet(b *testing.B, n *node) {
	b.Helper()
	testenv.Eventually(b, "the server is quiet", func() bool {
		before := finerCPU(b, n.PID())
		time.Sleep(3 * time.Second)
		return finerCPU(b, n.PID())-before < time.Millisecond
	})
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// BenchmarkCold measures the first request to scripts that are not in memory,
// beside the second one to the same script.
func BenchmarkCold(b *testing.B) {
	n := startNode(b)
	n.deployMany(*scripts)
	start := n.restart()
	idle := usageOf(b, n.PID()).resident
	var first, second []time.Duration
	for i := 1; i < *scripts; i += max(1, *scripts/1000) {
		url := n.Public + "/s" + fmt.Sprintf("%05d", i) + "?name=Ada"
		first = append(first, timed(b, url))
		second = append(second, timed(b, url))
	}
	slices.Sort(first)
	slices.Sort(second)
	at := func(list []time.Duration, percent int) time.Duration { return list[(len(list)-1)*percent/100] }
	b.Logf("%d scripts, %d asked for: first request p50 %v p99 %v, second p50 %v p99 %v; resident %.1f MiB before, %.1f MiB after; first answer %v after exec",
		*scripts, len(first), at(first, 50), at(first, 99), at(second, 50), at(second, 99),
		mib(idle), mib(usageOf(b, n.PID()).resident), start.Round(time.Millisecond))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64((at(first, 99)-at(second, 99)).Microseconds())/1e3, "added-p99-ms")
	b.ReportMetric(mib(idle), "idle-MiB")
}

func timed(b *testing.B, url string) time.Duration {
	b.Helper()
	began := time.Now()
	var got struct{ Hello string }
	if err := json.Unmarshal([]byte(fetchURL(b, url)), &got); err != nil || got.Hello != "Ada" {
		b.Fatalf("%s: %v %v", url, got, err)
	}
	return time.Since(began)
}

// TestScaleSmall is the whole of it at its smallest.
func TestScaleSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server")
	}
	if _, err := os.Stat(testenv.Path(t, "bin", "picloud")); err != nil {
		t.Skip("bin/picloud is not built")
	}
	n := startNode(t)
	n.deployMany(3)
	t.Logf("first answer after %v", n.restart())
	before := n.statements()
	if got := n.statements() - before; got < 0 {
		t.Error("statements go back: " + strconv.FormatInt(got, 10))
	}
}
