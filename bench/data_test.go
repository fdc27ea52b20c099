package bench

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/executor"
	"github.com/picloud/picloud/internal/orchestrator"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/store"
	"github.com/picloud/picloud/internal/testenv"
)

var (
	callers  = flag.Int("callers", 64, "how many clients change data at once")
	messages = flag.Int("messages", 30_000, "how many messages are sent in a round")
)

// engines are the databases that data is kept in, with every commit synced to
// the disk.
var engines = []struct {
	name string
	open func(b *testing.B) (url string, counter raw)
}{
	{"sqlite", func(b *testing.B) (string, raw) {
		dir := b.TempDir()
		return filepath.Join(dir, "picloud.db"), openRaw(b, "sqlite", filepath.Join(dir, "raw.db"))
	}},
	{"postgres", func(b *testing.B) (string, raw) {
		p := testenv.StartDurablePostgres(b)
		return p.Database(b), openRaw(b, "pgx", p.Database(b))
	}},
}

// BenchmarkDataCounters measures committed invocations of a script that counts,
// beside the engine by itself doing the same commits: as many callers, each of
// whom adds one to a counter, waits until that is on the disk, and shares the
// commit with the others.
func BenchmarkDataCounters(b *testing.B) {
	for _, e := range engines {
		for _, keys := range []struct {
			name string
			n    int64
		}{{"spread", 10_000}, {"one-key", 1}} {
			b.Run(e.name+"/"+keys.name, func(b *testing.B) {
				url, counter := e.open(b)
				n := startPlatform(b, url)
				n.deploy(b, "count", `fn handle(req) { kv::incr("c/" + req.query.k) }`, picloud.Settings{})
				ours := func(i int64) { n.get(b, fmt.Sprint("/count?k=", i%keys.n)) }
				theirs := func(i int64) { counter.add(b, fmt.Sprint("c/", i%keys.n)) }
				inTurns(b, func() float64 { return rate(*roundTime, ours) }, func() float64 { return rate(*roundTime, theirs) })
			})
		}
	}
}

// BenchmarkDataMessages measures durable messages from end to end: published one
// by one and acknowledged when on the disk, delivered to a script that does
// nothing, and done with on the disk. Beside it, rows with as much in them that
// the engine inserts and deletes, each in a commit that callers share.
func BenchmarkDataMessages(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			url, queue := e.open(b)
			n := startPlatform(b, url)
			n.deploy(b, "sink", `fn on_message(m) { }`, picloud.Settings{Subscriptions: []picloud.Subscription{{Topic: "t"}}})
			inTurns(b, func() float64 { return n.deliver(b, *messages) }, func() float64 { return rate(*roundTime, func(i int64) { queue.pass(b, i) }) })
		})
	}
}

// inTurns runs both in turns and reports the medians.
func inTurns(b *testing.B, ours, theirs func() float64) {
	var x, y []float64
	for i := range *rounds {
		x, y = append(x, ours()), append(y, theirs())
		b.Logf("round %d: picloud %.0f/s, the engine %.0f/s: × %.2f", i+1, x[i], y[i], x[i]/y[i])
	}
	b.Logf("medians: picloud %.0f/s ± %.0f%%, the engine %.0f/s ± %.0f%%: × %.2f", median(x), 100*spread(x), median(y), 100*spread(y), median(x)/median(y))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(x), "ops/s")
	b.ReportMetric(median(x)/median(y), "×engine")
}

// rate has all callers do something again and again for a time, and is how
// often a second it was done.
func rate(d time.Duration, do func(i int64)) float64 {
	var next atomic.Int64
	var all sync.WaitGroup
	started := time.Now()
	for range *callers {
		all.Go(func() {
			for time.Since(started) < d {
				do(next.Add(1))
			}
		})
	}
	all.Wait()
	return float64(next.Load()) / time.Since(started).Seconds()
}

// platform is a node in this process, on a database, without a network.
type platform struct {
	*orchestrator.Orchestrator
	store *store.Store
}

func startPlatform(b *testing.B, url string) *platform {
	b.Helper()
	ids := picloud.NewIDs(time.Now, rand.Reader)
	s, err := store.Open(b.Context(), store.Config{Path: url, Now: time.Now, IDs: ids})
	if err != nil {
		b.Fatal(err)
	}
	o, err := orchestrator.New(orchestrator.Config{
		Store: s, IDs: ids, Now: time.Now, Log: slog.New(slog.NewTextHandler(b.Output(), nil)), Executor: executor.New(executor.Config{}), Alone: true,
	})
	if err == nil {
		err = o.Start(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := o.Stop(ctx); err != nil {
			b.Error(err)
		}
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return &platform{o, s}
}

func (p *platform) deploy(b *testing.B, name, source string, settings picloud.Settings) {
	b.Helper()
	d := picloud.ScriptDeploy{Name: name, Source: source, Settings: &settings}
	if _, err := p.store.Deploy(b.Context(), picloud.Deployment{App: picloud.DefaultApp, Scripts: []picloud.ScriptDeploy{d}}); err != nil {
		b.Fatal(err)
	}
}

func (p *platform) get(b *testing.B, target string) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	if w.Code != http.StatusOK {
		b.Errorf("%s: %d %s", target, w.Code, w.Body)
	}
}

// deliver publishes messages, waits until the last one is done with, and is how
// many went through a second.
func (p *platform) deliver(b *testing.B, count int) float64 {
	started := time.Now()
	var next atomic.Int64
	var all sync.WaitGroup
	for range *callers {
		all.Go(func() {
			for next.Add(1) <= int64(count) {
				if _, err := p.Publish(context.Background(), picloud.DefaultApp, []picloud.Message{{Topic: "t", Kind: picloud.ValueJSON, Body: []byte(`{"n":1}`)}}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	for {
		settled := p.store.Recorded()
		_, waits, err := p.store.NextEvent(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		if !waits {
			return float64(count) / time.Since(started).Seconds()
		}
		<-settled
	}
}
