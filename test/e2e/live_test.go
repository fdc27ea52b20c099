package e2e

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

// events is a client of server-sent events.
type events struct {
	t     *testing.T
	lines *bufio.Scanner
	last  string // the id that was seen last
}

// follow opens a stream, as EventSource does: with the id that was seen last.
func follow(t *testing.T, url, last string) *events {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testenv.Patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %d %v", url, resp.StatusCode, resp.Header)
	}
	e := &events{t: t, lines: bufio.NewScanner(resp.Body), last: last}
	if line := e.line(); line != ": hello" {
		t.Fatalf("the stream begins with %q", line)
	}
	return e
}

// line is the next line that is not empty; "" at the end.
func (e *events) line() string {
	for e.lines.Scan() {
		if e.lines.Text() != "" {
			return e.lines.Text()
		}
	}
	return ""
}

// want fails the test unless the next event is these lines after its id.
func (e *events) want(lines ...string) {
	e.t.Helper()
	id, ok := strings.CutPrefix(e.line(), "id: ")
	if !ok {
		e.t.Fatalf("an event without an id")
	}
	e.last = id
	for _, want := range lines {
		if got := e.line(); got != want {
			e.t.Fatalf("the event %s says %q, want %q", id, got, want)
		}
	}
}

// TestLive does what docs/guides/live.md says, with an executor of its own, over
// a kill and a stop.
func TestLive(t *testing.T) {
	t.Parallel()
	s := startServer(t, "PICLOUD_ISOLATE=true")
	s.listen = strings.TrimPrefix(s.public, "http://")
	u := signIn(t, s)
	u.guide("live.md", "live")
	u.run("deploy", "live")
	price := func(item, body string) {
		t.Helper()
		if a := do(t, http.MethodPost, s.public+"/price/"+item, body); a.status != 204 {
			t.Fatalf("publish: %s", a)
		}
	}
	price("tea", "2.5")
	price("milk", "1.0")
	all, tea := follow(t, s.public+"/live", ""), follow(t, s.public+"/live/tea", "")
	all.want(`data: {"item":"tea","price":2.5}`)
	all.want(`data: {"item":"milk","price":1.0}`)
	price("milk", "1.5")
	price("tea", "3.5")
	all.want(`data: {"item":"milk","price":1.5}`)
	all.want(`data: {"item":"tea","price":3.5}`)
	tea.want("event: price", `data: {"item":"tea","price":3.5}`)
	u.run("publish", "prices", `"closed"`)
	all.want("data: closed")

	s.Kill()
	_ = s.Wait(t) // by a signal
	s.start()
	price("tea", "4.5")
	tea = follow(t, s.public+"/live/tea", tea.last)
	tea.want("event: price", `data: {"item":"tea","price":4.5}`)
	all = follow(t, s.public+"/live", all.last)
	all.want(`data: {"item":"tea","price":4.5}`)

	s.stop()
	if line := all.line(); !strings.HasPrefix(line, ": the server is stopping") {
		t.Errorf("the stream ends with %q", line)
	}
	if strings.Contains(s.Output(), "cut off") {
		t.Errorf("a stop waited for open streams:\n%s", s.Output())
	}
}
