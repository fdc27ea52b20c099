package orchestrator

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/executor"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/store"
)

// node is an orchestrator on a store of its own, served on a real listener.
type node struct {
	*Orchestrator
	t     testing.TB
	store *store.Store
	addr  string
}

// runFunc is an executor made of a function.
type runFunc func(context.Context, *picloud.Execution) *picloud.Outcome

func (f runFunc) Run(ctx context.Context, x *picloud.Execution, _ picloud.Host) *picloud.Outcome {
	return f(ctx, x)
}

// echo answers with what the script sees, as JSON.
func echo(_ context.Context, x *picloud.Execution) *picloud.Outcome {
	body, err := json.Marshal(x)
	if err != nil {
		panic(err)
	}
	return &picloud.Outcome{Response: &picloud.Response{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}}
}

// startNode starts a node whose scripts are run by the function, or with nil
// by a real executor.
func startNode(t testing.TB, run runFunc, edits ...func(*Config)) *node {
	t.Helper()
	return startNodeOn(t, filepath.Join(t.TempDir(), "picloud.db"), run, edits...)
}

// startNodeOn starts a node on a database.
func startNodeOn(t testing.TB, database string, run runFunc, edits ...func(*Config)) *node {
	t.Helper()
	return startNodeWith(t, database, time.Now, run, edits...)
}

// startNodeWith starts a node with a clock on a database.
func startNodeWith(t testing.TB, database string, now func() time.Time, run runFunc, edits ...func(*Config)) *node {
	t.Helper()
	n := &node{t: t}
	idsOf := picloud.NewIDs(time.Now, rand.Reader)
	s, err := store.Open(t.Context(), store.Config{Path: database, Now: now, IDs: idsOf})
	if err != nil {
		t.Fatal(err)
	}
	n.store = s
	cfg := Config{
		Store: s, IDs: idsOf, Now: now, Log: slog.New(slog.DiscardHandler),
		Executor: executor.New(executor.Config{Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))}),
	}
	if run != nil {
		cfg.Executor = run
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	if n.Orchestrator, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.listen()
	return n
}

// listen serves until the test ends, and then stops in the server's order.
func (n *node) listen() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.t.Fatal(err)
	}
	n.addr = l.Addr().String()
	srv := NewServer(n.Orchestrator, slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	n.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		srv.Shutdown(ctx)
		srv.Close()
		<-done
		if err := n.Stop(ctx); err != nil {
			n.t.Errorf("stop: %v", err)
		}
		if err := n.store.Close(); err != nil {
			n.t.Error(err)
		}
	})
}

// deploy makes a script live, on its default route or on those given.
func (n *node) deploy(name, source string, routes ...string) {
	n.t.Helper()
	n.deployAs(picloud.DefaultApp, name, source, picloud.Settings{}, routes...)
}

func (n *node) deployAs(app, name, source string, settings picloud.Settings, routes ...string) {
	n.t.Helper()
	d := picloud.ScriptDeploy{Name: name, Source: source, Settings: &settings}
	for _, text := range routes {
		r, err := picloud.ParseRoute(text)
		if err != nil {
			n.t.Fatal(err)
		}
		d.Routes = append(d.Routes, r)
	}
	if _, err := n.store.Deploy(n.t.Context(), picloud.Deployment{App: app, Scripts: []picloud.ScriptDeploy{d}}); err != nil {
		n.t.Fatal(err)
	}
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   string
}

// code is the code of a problem, or "".
func (a answer) code() string {
	if a.header.Get("Content-Type") != problemType {
		return ""
	}
	var p problem
	if json.Unmarshal([]byte(a.body), &p) != nil || p.Status != a.status || p.RequestID != a.header.Get(idHeader) {
		return "not a problem: " + a.body
	}
	return string(p.Code)
}

// seen is what echo says that the script saw.
func (a answer) seen(t testing.TB) *picloud.Execution {
	t.Helper()
	var x picloud.Execution
	if err := json.Unmarshal([]byte(a.body), &x); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return &x
}

// do sends a request. Headers are "Name: value".
func (n *node) do(method, target, body string, headers ...string) answer {
	n.t.Helper()
	r, err := http.NewRequest(method, "http://"+n.addr+target, strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
		}
		r.Header.Add(name, value)
	}
	a, err := send(r)
	if err != nil {
		n.t.Fatal(err)
	}
	return a
}

// client keeps no connections, so that tests share nothing.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func send(r *http.Request) (answer, error) {
	resp, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

// raw sends bytes as they are and reads what comes back.
func (n *node) raw(request string) string {
	n.t.Helper()
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		n.t.Fatal(err)
	}
	text, _ := io.ReadAll(conn) // a reset is an answer too
	return string(text)
}

// rawStatus is the status of the answer to bytes.
func (n *node) rawStatus(request string) string {
	n.t.Helper()
	_, rest, _ := strings.Cut(n.raw(request), " ")
	status, _, _ := strings.Cut(rest, " ")
	return status
}

// records are all invocations, the newest first.
func (n *node) records() []picloud.Invocation {
	n.t.Helper()
	if err := n.Flush(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	list, err := n.store.ListInvocations(n.t.Context(), picloud.RecordQuery{App: picloud.DefaultApp, Limit: picloud.MaxPage})
	if err != nil {
		n.t.Fatal(err)
	}
	return list
}

// logs are all lines, the oldest first.
func (n *node) logs() []picloud.LogLine {
	n.t.Helper()
	if err := n.Flush(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	list, err := n.store.ListLogs(n.t.Context(), picloud.RecordQuery{App: picloud.DefaultApp, Ascending: true, Limit: picloud.MaxPage})
	if err != nil {
		n.t.Fatal(err)
	}
	return list
}

// want fails the test unless the answer has the status and, when it is an
// error, the code.
func (a answer) want(t testing.TB, what string, status int, code string) {
	t.Helper()
	if a.status != status || a.code() != code {
		body := a.body
		if len(body) > 300 {
			body = body[:300] + "…"
		}
		t.Errorf("%s: %d %s, want %d %s\n%s", what, a.status, a.code(), status, code, fmt.Sprint(body))
	}
}
