package manager

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/blobs"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/seal"
	"github.com/picloud/picloud/internal/store"
)

const (
	ownerPassword = "correct battery horse 9"
	badSource     = "let x = ;"
)

// fixture is a manager on a real store, whose scripts are run by echo.
type fixture struct {
	*testing.T
	m     *Manager
	store *store.Store
	auth  *auth.Service
	watch *watch
	token string // of the owner, once signed in
	dir   string // of the database
	log   *lockedBuffer
}

// watch is what tells followers of records.
type watch struct {
	flushes atomic.Int32
	mu      sync.Mutex
	ch      chan struct{}
}

func (w *watch) Recorded() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ch == nil {
		w.ch = make(chan struct{})
	}
	return w.ch
}

func (w *watch) Flush(context.Context) error {
	w.flushes.Add(1)
	return nil
}

func (w *watch) announce() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ch != nil {
		close(w.ch)
		w.ch = nil
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// echo answers with what it was asked.
type echo struct{}

func (echo) Publish(_ context.Context, app string, messages []picloud.Message) (int, error) {
	for i := range messages {
		if err := messages[i].Validate(); err != nil {
			return 0, err
		}
	}
	return len(messages), nil
}

func (echo) Invoke(_ context.Context, app, script string, r *http.Request) (*http.Response, error) {
	if script == "missing" {
		return nil, picloud.NotFound("script", script)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	rec := httptest.NewRecorder()
	rec.Header().Set("X-Request-Id", "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a")
	rec.Header().Set("X-Seen", app+" "+script+" "+r.Method+" "+r.URL.String()+" "+r.Host+" "+r.Header.Get("X-Test"))
	rec.WriteHeader(http.StatusTeapot)
	rec.Write(body)
	return rec.Result(), nil
}

// check finds fault with what holds "= ;", and with every expression when the
// depth of those is limited to one. It warns of what holds "suspicious".
func check(source string, settings picloud.Settings) (found []picloud.Diagnostic) {
	if settings.Limits.ExprDepth == 1 {
		return []picloud.Diagnostic{{Message: "too deep"}}
	}
	for i, line := range strings.Split(source, "\n") {
		if at := strings.Index(line, "= ;"); at >= 0 {
			return append(found, picloud.Diagnostic{Message: "unexpected ';'", Line: i + 1, Column: at + 3, SourceLine: line})
		}
		if at := strings.Index(line, "suspicious"); at >= 0 {
			found = append(found, picloud.Diagnostic{Message: "is that so?", Line: i + 1, Column: at + 1, SourceLine: line, Warning: true})
		}
	}
	return found
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, watch: &watch{}, log: &lockedBuffer{}, dir: t.TempDir()}
	ids := picloud.NewIDs(time.Now, rand.Reader)
	var err error
	f.store, err = store.Open(t.Context(), store.Config{Path: filepath.Join(f.dir, "test.db"), Now: time.Now, IDs: ids})
	f.ok(err)
	t.Cleanup(func() { f.store.Close() })
	folder, err := blobs.OpenFolder(filepath.Join(f.dir, "files"))
	f.ok(err)
	t.Cleanup(func() { folder.Close() })
	log := slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	keys, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	f.ok(err)
	f.auth, err = auth.New(auth.Config{
		Store: f.store, IDs: ids, Now: time.Now, Rand: rand.Reader, Keys: keys, Log: log,
		AdminURL: &url.URL{Scheme: "https", Host: "pi.example.org"},
	})
	f.ok(err)
	f.m, err = New(Config{
		Auth: f.auth, Store: f.store, Check: check, Invoker: echo{}, Records: f.watch, Blobs: folder, Ready: f.store.Ready,
		Public: &url.URL{Scheme: "http", Host: "127.0.0.1:8080"}, Ceiling: picloud.MaxLimits(), Version: "test",
		IDs: ids, Now: time.Now, Log: log,
	})
	f.ok(err)
	return f
}

// newOwned is a fixture that has been set up, with its owner signed in.
func newOwned(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	created, err := f.auth.Bootstrap(t.Context(), auth.NewOwner{Username: "ada", Email: "ada@example.org", Password: ownerPassword})
	f.ok(err)
	if !created {
		t.Fatal("no owner was made")
	}
	in, err := f.auth.Login(t.Context(), auth.Login{Login: "ada", Password: ownerPassword, Address: "192.0.2.1"})
	f.ok(err)
	f.token = in.Token
	return f
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// request is one request of a test. The zero values are what is usual.
type request struct {
	method, path string
	body         any // a string is sent as it is, anything else as JSON
	header       map[string]string
	anonymous    bool
}

func (f *fixture) do(q request) *http.Response {
	f.Helper()
	var body io.Reader
	switch b := q.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	default:
		encoded, err := json.Marshal(b)
		f.ok(err)
		body = bytes.NewReader(encoded)
	}
	if q.method == "" {
		q.method = http.MethodGet
		if body != nil {
			q.method = http.MethodPost
		}
	}
	r := httptest.NewRequest(q.method, q.path, body)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if f.token != "" && !q.anonymous {
		r.Header.Set("Authorization", "Bearer "+f.token)
	}
	for k, v := range q.header {
		r.Header.Set(k, v)
	}
	if host := q.header["Host"]; host != "" {
		r.Host = host
	}
	rec := httptest.NewRecorder()
	f.m.ServeHTTP(rec, r)
	return rec.Result()
}

// want does a request, checks its status, and reads its body into out.
func (f *fixture) want(q request, status int, out any) *http.Response {
	f.Helper()
	resp := f.do(q)
	body, err := io.ReadAll(resp.Body)
	f.ok(err)
	if resp.StatusCode != status {
		f.Fatalf("%s %s: status %d, want %d: %s", q.method, q.path, resp.StatusCode, status, body)
	}
	if out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			f.Fatalf("%s %s: %v: %s", q.method, q.path, err, body)
		}
	}
	return resp
}

// fails does a request and checks the problem that it is answered with.
func (f *fixture) fails(q request, status int, code picloud.Code) api.Problem {
	f.Helper()
	var p api.Problem
	resp := f.want(q, status, &p)
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		f.Errorf("%s %s: content type %q", q.method, q.path, got)
	}
	if p.Code != code || p.Status != status || p.Detail == "" {
		f.Errorf("%s %s: problem %+v, want code %s", q.method, q.path, p, code)
	}
	if p.RequestID == "" || p.RequestID != resp.Header.Get("X-Request-Id") {
		f.Errorf("%s %s: request id %q, header %q", q.method, q.path, p.RequestID, resp.Header.Get("X-Request-Id"))
	}
	return p
}

// deploy deploys one script to the default app.
func (f *fixture) deploy(s api.DeployScript) api.Deployed {
	f.Helper()
	var out api.Deployment
	f.want(request{path: "/api/v1/apps/default/deployments", body: api.Deploy{Scripts: []api.DeployScript{s}}}, http.StatusOK, &out)
	return out.Scripts[0]
}

// operations lists the routes of the API as its own description has them.
func (f *fixture) operations() map[string]map[string]any {
	f.Helper()
	var spec struct {
		Paths map[string]map[string]map[string]any `json:"paths"`
	}
	f.ok(json.Unmarshal(f.m.spec, &spec))
	list := map[string]map[string]any{}
	for path, methods := range spec.Paths {
		for method, op := range methods {
			list[strings.ToUpper(method)+" "+path] = op
		}
	}
	if len(list) < 20 {
		f.Fatalf("only %d operations are described", len(list))
	}
	return list
}

func sha256sum(s string) picloud.TokenHash { return sha256.Sum256([]byte(s)) }

// concrete fills in a path's wildcards.
func concrete(path string) string {
	return strings.NewReplacer("{app}", "default", "{script}", "hello", "{domain}", "shop.example.org", "{user}", "nobody", "{id}", "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a").Replace(path)
}

func TestConfigMustBeComplete(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("an empty configuration is accepted")
	}
}

func TestNothingButSetupAnswersBeforeAnOwner(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for route := range f.operations() {
		method, path, _ := strings.Cut(route, " ")
		if path == setupAPIPath {
			continue
		}
		q := request{method: method, path: concrete(path)}
		if method == http.MethodPost {
			q.body = "{}"
		}
		f.fails(q, http.StatusForbidden, picloud.CodeSetupRequired)
	}
	for _, path := range []string{"/", "/nowhere", "/api/openapi.json", "/api/v1/../v1/me", "/setup/", "//healthz"} {
		f.fails(request{path: path}, http.StatusForbidden, picloud.CodeSetupRequired)
	}
	f.want(request{path: "/healthz"}, http.StatusOK, nil)
	f.want(request{path: "/readyz"}, http.StatusOK, nil)
	f.want(request{path: "/setup"}, http.StatusOK, nil)
}

func TestReadyTellsWhenItIsNot(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.m.ready = func(context.Context) error { return errors.New("the disk is gone") }
	resp := f.want(request{path: "/readyz"}, http.StatusServiceUnavailable, nil)
	if resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", resp.Header)
	}
	f.m.ready = func(context.Context) error { return nil }
	f.want(request{path: "/readyz"}, http.StatusOK, nil)
	f.m.Drain()
	f.want(request{path: "/readyz"}, http.StatusServiceUnavailable, nil)
	f.want(request{path: "/healthz"}, http.StatusOK, nil)
}

func TestEveryRouteAsksWhoIsThere(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	for route, op := range f.operations() {
		method, path, _ := strings.Cut(route, " ")
		capability, _ := op[capabilityField].(string)
		if capability == "" {
			t.Errorf("%s declares no capability", route)
		}
		if capability == string(access.Anyone) {
			continue
		}
		q := request{method: method, path: concrete(path), anonymous: true, body: "this is not read"}
		if method == http.MethodGet || method == http.MethodDelete {
			q.body = nil
		}
		f.fails(q, http.StatusUnauthorized, picloud.CodeUnauthenticated)
		if got := f.do(q).Header.Get("WWW-Authenticate"); got == "" {
			t.Errorf("%s: no WWW-Authenticate", route)
		}
		q.header = map[string]string{"Authorization": "Bearer pics_wrong"}
		f.fails(q, http.StatusUnauthorized, picloud.CodeUnauthenticated)
		q.header = map[string]string{"Authorization": "Basic " + f.token}
		f.fails(q, http.StatusUnauthorized, picloud.CodeUnauthenticated)
	}
}

func TestOnlySetupAndLoginAreForAnyone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for route, op := range f.operations() {
		isOpen := op[capabilityField] == string(access.Anyone)
		want := route == "POST /api/v1/setup" || strings.Contains(route, " /api/v1/login")
		if isOpen != want {
			t.Errorf("%s: capability %v", route, op[capabilityField])
		}
	}
}

func TestDescriptionIsWhole(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	var spec map[string]any
	f.want(request{path: "/api/openapi.json", anonymous: true}, http.StatusOK, &spec)
	if spec["openapi"] != "3.1.0" {
		t.Errorf("version %v", spec["openapi"])
	}
	schemas := spec["components"].(map[string]any)["schemas"].(map[string]any)
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				name := strings.TrimPrefix(ref, "#/components/schemas/")
				if _, found := schemas[name]; !found {
					t.Errorf("%s: %s leads nowhere", at, ref)
				}
			}
			for k, x := range v {
				walk(at+"/"+k, x)
			}
		case []any:
			for _, x := range v {
				walk(at, x)
			}
		}
	}
	walk("", spec)
	ids := map[any]string{}
	for route, op := range f.operations() {
		if other, taken := ids[op["operationId"]]; taken {
			t.Errorf("%s and %s have the same id", route, other)
		}
		ids[op["operationId"]] = route
		responses, _ := op["responses"].(map[string]any)
		fallback, _ := responses["default"].(map[string]any)
		content, _ := fallback["content"].(map[string]any)
		if _, ok := content["application/problem+json"]; !ok {
			t.Errorf("%s: errors are not described as problems: %v", route, responses)
		}
		if op["summary"] == "" || op["tags"] == nil {
			t.Errorf("%s is not described", route)
		}
	}
	problem, _ := schemas["Problem"].(map[string]any)
	if props, _ := problem["properties"].(map[string]any); props["code"] == nil {
		t.Errorf("the problem has no code: %v", problem)
	}
}

func TestEdges(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.fails(request{path: "/nowhere"}, http.StatusNotFound, picloud.CodeNotFound)
	f.fails(request{path: "/api/v1/nowhere"}, http.StatusNotFound, picloud.CodeNotFound)
	f.fails(request{method: http.MethodPut, path: "/api/v1/me"}, http.StatusMethodNotAllowed, picloud.CodeMethodNotAllowed)
	resp := f.do(request{method: http.MethodDelete, path: "/api/v1/login"})
	if got := resp.Header.Get("Allow"); got != "POST" {
		t.Errorf("Allow %q", got)
	}
	if resp := f.do(request{method: http.MethodOptions, path: "/api/v1/me"}); resp.StatusCode != http.StatusNoContent || resp.Header.Get("Allow") != "GET, HEAD, PATCH" {
		t.Errorf("OPTIONS: %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
	f.fails(request{path: "/" + strings.Repeat("a", maxTarget)}, http.StatusRequestURITooLong, picloud.CodeURITooLong)
	f.fails(request{path: "/api/v1/me?verbose=1"}, http.StatusUnprocessableEntity, picloud.CodeInvalid)
	f.fails(request{path: "/api/v1/apps", body: `{"name":"` + strings.Repeat("a", defaultBodyBytes) + `"}`}, http.StatusRequestEntityTooLarge, picloud.CodeTooLarge)

	mine := "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a"
	for sent, want := range map[string]bool{mine: true, "short": false, "": false, mine + "\r\nX: y": false, strings.ToUpper(mine): false} {
		r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		r.Header["X-Request-Id"] = []string{sent}
		rec := httptest.NewRecorder()
		f.m.ServeHTTP(rec, r)
		got := rec.Header().Get("X-Request-Id")
		if (got == sent) != want || picloud.ValidateID("id", got) != nil {
			t.Errorf("request id %q became %q", sent, got)
		}
	}
}

func TestBadBodies(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	for _, c := range []struct {
		name, body string
		header     map[string]string
		status     int
		code       picloud.Code
		pointer    string
	}{
		{name: "no JSON", body: `{"name":`, status: 400, code: picloud.CodeMalformed, pointer: "#"},
		{name: "empty", body: ``, status: 400, code: picloud.CodeMalformed},
		{name: "bad UTF-8", body: "{\"name\":\"a\xff\"}", status: 400, code: picloud.CodeMalformed, pointer: "#"},
		{name: "unknown field", body: `{"name":"a","colour":"red"}`, status: 422, code: picloud.CodeInvalid, pointer: "#/colour"},
		{name: "wrong type", body: `{"name":7}`, status: 422, code: picloud.CodeInvalid, pointer: "#/name"},
		{name: "missing field", body: `{}`, status: 422, code: picloud.CodeInvalid, pointer: "#"},
		{name: "null", body: `null`, status: 422, code: picloud.CodeInvalid, pointer: "#"},
		{name: "refused value", body: `{"name":"No Good"}`, status: 422, code: picloud.CodeInvalid, pointer: "#/name"},
		{name: "taken", body: `{"name":"default"}`, status: 409, code: picloud.CodeConflict, pointer: "#/name"},
		{name: "other media type", body: `name=a`, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, status: 415, code: picloud.CodeUnsupportedMedia},
		{name: "text, as a form can send it across origins", body: `{"name":"a"}`, header: map[string]string{"Content-Type": "text/plain"}, status: 415, code: picloud.CodeUnsupportedMedia},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := *f
			f.T = t
			p := f.fails(request{method: http.MethodPost, path: "/api/v1/apps", body: c.body, header: c.header}, c.status, c.code)
			if c.pointer != "" && (len(p.Errors) == 0 || p.Errors[0].Pointer != c.pointer || p.Errors[0].In != "body") {
				t.Errorf("errors %+v, want one at %s", p.Errors, c.pointer)
			}
		})
	}
	var apps api.Apps
	f.want(request{path: "/api/v1/apps"}, http.StatusOK, &apps)
	if len(apps.Apps) != 1 {
		t.Errorf("something was stored: %+v", apps)
	}
}

func TestPanicIsA500WithItsID(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.m.ready = func(context.Context) error { panic("boom") }
	p := f.fails(request{path: "/readyz"}, http.StatusInternalServerError, picloud.CodeInternal)
	if strings.Contains(p.Detail, "boom") || !strings.Contains(f.log.String(), "boom") || !strings.Contains(f.log.String(), p.RequestID) {
		t.Errorf("problem %+v, log %s", p, f.log.String())
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	for _, path := range []string{"/", "/healthz", "/setup", "/api/v1/me", "/api/openapi.json"} {
		h := f.do(request{path: path}).Header
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("Referrer-Policy") == "" || h.Get("Cache-Control") == "" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
}

// Journal implements Invoker.
func (echo) Journal(context.Context, string, string) (picloud.Invocation, *picloud.JournalRecord, error) {
	return picloud.Invocation{}, nil, picloud.Errorf(picloud.CodeNoJournal, "none is kept")
}

// Replay implements Invoker.
func (echo) Replay(context.Context, string, string) (*picloud.Replayed, error) {
	return nil, picloud.Errorf(picloud.CodeNoJournal, "none is kept")
}

// InvokeLater implements Invoker.
func (echo) InvokeLater(context.Context, string, string, *http.Request, time.Duration) (string, error) {
	return "0123456789abcdef0123456789abcdef", nil
}

// AsyncResult implements Invoker.
func (echo) AsyncResult(_ context.Context, _, id string) (picloud.AsyncInvocation, *picloud.Response, error) {
	return picloud.AsyncInvocation{ID: id, State: picloud.AsyncDone}, &picloud.Response{Status: 200, Header: http.Header{}}, nil
}

// CancelAsync implements Invoker.
func (echo) CancelAsync(_ context.Context, _, id string) (picloud.AsyncInvocation, error) {
	return picloud.AsyncInvocation{ID: id, State: picloud.AsyncCancelled}, nil
}
