package cluster

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/testenv"
)

const (
	workers = 6
	// pace is how often each worker asks.
	pace = 15 * time.Millisecond
	// settled is how many answers in a row have to be good for the cluster to be
	// as it was.
	settled = 400
)

// dial connects to Caddy whatever the address is.
func (c *cluster) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", c.edge)
}

// traffic is clients that ask steadily through Caddy, and what they were
// answered.
type traffic struct {
	c       *cluster
	cancel  context.CancelFunc
	working sync.WaitGroup

	mu      sync.Mutex
	good    int // in all
	row     int // good ones since the last that was not
	bad     []badAnswer
	slowest slow
}

// slow is the request that took longest.
type slow struct {
	took   time.Duration
	began  time.Time
	method string
}

// badAnswer is one that is not what the script says.
type badAnswer struct {
	at   time.Time
	what string // a status, with the code if there is one
	text string // more of it, to read
}

// start begins to send. Three of four requests are GET, one is POST with a body.
func (c *cluster) traffic() *traffic {
	ctx, cancel := context.WithCancel(context.Background())
	f := &traffic{c: c, cancel: cancel}
	for w := range workers {
		f.working.Go(func() { f.work(ctx, w) })
	}
	c.t.Cleanup(f.stop)
	f.await("the traffic flows", func() bool { return f.row >= 50 })
	return f
}

func (f *traffic) work(ctx context.Context, worker int) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for i := worker; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		method, body := http.MethodGet, ""
		if i%4 == 0 {
			method, body = http.MethodPost, fmt.Sprintf("body %d", i)
		}
		began := time.Now()
		what, text := f.c.ask(method, "/steady", body, method+" "+body)
		f.note(began, method, what, text)
	}
}

// ask sends one request through Caddy; what is "" if it is answered as wanted. A client
// that gives up is none of the answers: requests are not tied to the traffic's
// end.
func (c *cluster) ask(method, path, body, want string) (what, text string) {
	req, err := http.NewRequest(method, c.public+path, strings.NewReader(body))
	if err != nil {
		return "request", err.Error()
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return "no answer", err.Error()
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return "half an answer", err.Error()
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Sprint(resp.StatusCode), fmt.Sprintf("%s %s Retry-After %q", method, got, resp.Header.Get("Retry-After"))
	}
	if string(got) != want {
		return "wrong answer", fmt.Sprintf("%q, want %q", got, want)
	}
	return "", ""
}

// steady is the script that the traffic asks.
const steady = `req.method + " " + req.text()`

func (f *traffic) note(began time.Time, method, what, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if took := time.Since(began); took > f.slowest.took {
		f.slowest = slow{took, began, method}
	}
	if what == "" {
		f.good++
		f.row++
		return
	}
	f.row = 0
	f.bad = append(f.bad, badAnswer{time.Now(), what, text})
}

// await waits until the condition, which may look at the counts, holds.
func (f *traffic) await(what string, condition func() bool) {
	f.c.t.Helper()
	testenv.Eventually(f.c.t, what, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return condition()
	})
}

// awaitGood waits for so many more good answers in a row.
func (f *traffic) awaitGood(more int) {
	f.c.t.Helper()
	f.mu.Lock()
	f.row = 0
	f.mu.Unlock()
	f.await("the traffic flows again", func() bool { return f.row >= more })
}

func (f *traffic) stop() {
	f.cancel()
	f.working.Wait()
}

// fault is what happened to the traffic while something was broken.
type fault struct {
	began, over time.Time
	good        int
	bad         []badAnswer
	slowest     slow
}

// during breaks something while traffic flows, and waits until it flows as
// before.
func (c *cluster) during(breaking func(f *traffic)) fault {
	c.t.Helper()
	f := c.traffic()
	x := fault{began: time.Now()}
	breaking(f)
	x.over = time.Now()
	f.awaitGood(settled)
	f.stop()
	x.good, x.bad, x.slowest = f.good, f.bad, f.slowest
	return x
}

// normalWithin is how long after a fault's end things may be other than usual.
const normalWithin = 10 * time.Second

// want reports a fault, and checks that nothing but the statuses was answered
// besides the script's own answers, and that it ended in time.
func (x fault) want(t *testing.T, statuses ...string) {
	t.Helper()
	counts := map[string]int{"200": x.good}
	var last time.Duration
	told := 0
	for _, b := range x.bad {
		counts[b.what]++
		if since := b.at.Sub(x.over); since > last {
			last = since
		}
		if since := b.at.Sub(x.began); since < 0 {
			t.Errorf("%v before anything was broken: %s: %s", -since, b.what, b.text)
		}
		if told < 5 && !slices.Contains(statuses, b.what) {
			told++
			t.Errorf("%v after the fault began: %s: %s", b.at.Sub(x.began).Round(time.Millisecond), b.what, b.text)
		}
	}
	var list []string
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%s: %d", status, counts[status]))
	}
	t.Logf("answers %s; broken for %v, the last bad answer %v after that; the slowest, a %s begun %v after the fault did, took %v",
		strings.Join(list, ", "), x.over.Sub(x.began).Round(time.Millisecond), last.Round(time.Millisecond), x.slowest.method, x.slowest.began.Sub(x.began).Round(time.Millisecond), x.slowest.took.Round(time.Millisecond))
	if last > normalWithin {
		t.Errorf("bad answers until %v after the fault's end", last)
	}
}
