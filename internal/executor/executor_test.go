package executor

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// shelf is a library in memory: scripts of one app by name.
type shelf map[string]string

func (s shelf) VersionSource(_ context.Context, hash string) (string, error) {
	if source, ok := s[hash]; ok {
		return source, nil
	}
	return "", picloud.NotFound("version", hash)
}

func (s shelf) LiveVersion(_ context.Context, script string) (string, error) {
	if _, ok := s[script]; ok {
		return script, nil
	}
	return "", picloud.NotFound("script", script)
}

func (s shelf) ReadEntries(_ context.Context, keys []string) ([]picloud.Entry, error) {
	return make([]picloud.Entry, len(keys)), nil
}

func (s shelf) HasSecret(context.Context, string) (bool, error) { return false, nil }

func (s shelf) Sign(context.Context, *picloud.Signing) ([]byte, error) {
	return nil, errors.New("a shelf has no secrets")
}

func (s shelf) Verify(context.Context, *picloud.Signing, []byte) (bool, error) {
	return false, errors.New("a shelf has no secrets")
}

func (s shelf) HTTP(context.Context, *picloud.HTTPCall) (*picloud.HTTPAnswer, error) {
	return nil, errors.New("a shelf calls nobody")
}

func (s shelf) ListEntries(context.Context, picloud.EntryQuery) (picloud.EntryPage, error) {
	return picloud.EntryPage{}, nil
}

func (s shelf) ListFiles(context.Context, picloud.FileQuery) (picloud.FilePage, error) {
	return picloud.FilePage{}, nil
}

func (s shelf) ReadBlob(context.Context, picloud.BlobPart) ([]byte, error) { return nil, nil }

func (s shelf) StageBlob(context.Context, []byte) (picloud.Blob, error) { return picloud.Blob{}, nil }

// request is a GET with a few of everything.
func request() *picloud.Request {
	return &picloud.Request{
		Method: "GET", Scheme: "http", Host: "shop.localhost:8080", Path: "/orders/7", RawQuery: "a=1&a=2&b=%C3%A9+x",
		Params: []picloud.Param{{Name: "id", Value: "7"}},
		Header: http.Header{"X-One": {"1", "2"}, "Content-Type": {"text/plain"}, "Cookie": {"c=d; e=f"}},
		IP:     "192.0.2.7",
	}
}

// runOn runs a source on a request.
func runOn(t *testing.T, source string, q *picloud.Request, limits picloud.Limits) *picloud.Outcome {
	t.Helper()
	return runIn(t, shelf{"main": source}, q, limits)
}

func runIn(t *testing.T, lib shelf, q *picloud.Request, limits picloud.Limits) *picloud.Outcome {
	t.Helper()
	return New(Config{}).Run(t.Context(), &picloud.Execution{
		ID: "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a", AppID: "app", App: "shop", Script: "main", Version: 3, Hash: "main",
		Limits: limits.Or(picloud.DefaultLimits()), Env: map[string]string{"GREETING": "hi"},
		Trigger: picloud.TriggerHTTP, Request: q,
	}, lib)
}

func TestResults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ source, contentType, body string }{
		{`"hello"`, "text/plain; charset=utf-8", "hello"},
		{`fn handle(req) { "hello " + req.params.id }`, "text/plain; charset=utf-8", "hello 7"},
		{`#{ b: [1, 2.0, "x", 'c', (), true], a: #{} }`, "application/json", `{"a":{},"b":[1,2.0,"x","c",null,true]}`},
		{`[]`, "application/json", `[]`},
		{`42`, "application/json", `42`},
		{`false`, "application/json", `false`},
		{`blob(3, 65)`, "application/octet-stream", "AAA"},
		{`let x = 1; fn handle(req) { req.method }`, "text/plain; charset=utf-8", "GET"},
		{`req.path`, "text/plain; charset=utf-8", "/orders/7"},
		{`req.query.a + req.query["a"] + req.query.b`, "text/plain; charset=utf-8", "11é x"},
		{`req.query.values("a")`, "application/json", `["1","2"]`},
		{`req.query.nothing`, "", ""},
		{`req.headers["x-one"] + req.headers["X-ONE"] + req.headers.x_one`, "text/plain; charset=utf-8", "111"},
		{`req.headers.values("x-ONE")`, "application/json", `["1","2"]`},
		{`[req.headers.host, req.host, req.url, req.scheme, req.ip]`, "application/json",
			`["shop.localhost:8080","shop.localhost:8080","http://shop.localhost:8080/orders/7?a=1\u0026a=2\u0026b=%C3%A9+x","http","192.0.2.7"]`},
		{`[req.id, req.app, req.script, req.version]`, "application/json", `["01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a","shop","main",3]`},
		{`req.cookies`, "application/json", `{"c":"d","e":"f"}`},
		{`#{ q: req.query }`, "application/json", `{"q":{"a":"1","b":"é x"}}`},
		{`"x-one" in req.headers && !("x-two" in req.headers)`, "application/json", `true`},
		{`env::get("GREETING") + env::get("NONE", "-")`, "text/plain; charset=utf-8", "hi-"},
		{`json("text")`, "application/json", `"text"`},
		{`text(7)`, "text/plain; charset=utf-8", "7"},
		{`html("<p>")`, "text/html; charset=utf-8", "<p>"},
		{`response(200, #{a: 1})`, "application/json", `{"a":1}`},
	} {
		out := runOn(t, c.source, request(), picloud.Limits{})
		if out.Error != nil {
			t.Errorf("%s: %+v", c.source, *out.Error)
			continue
		}
		want := strings.NewReplacer(`\u0026`, "&").Replace(c.body)
		if got := string(out.Response.Body); got != want || out.Response.Header.Get("Content-Type") != c.contentType {
			t.Errorf("%s = %s %q, want %s %q", c.source, out.Response.Header.Get("Content-Type"), got, c.contentType, want)
		}
		if out.Operations == 0 {
			t.Errorf("%s: no operations are counted", c.source)
		}
	}
}
