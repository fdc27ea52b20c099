package manager

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// pages stands in for the dashboard: it answers with what it is asked for.
type pages struct{}

func (pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "page "+r.URL.Path)
}

func (pages) Holds(path string) bool { return path == "/favicon.svg" }

// withPages makes the fixture's manager one that has a dashboard.
func (f *fixture) withPages() *fixture {
	f.m.pages = pages{}
	f.m.handler = f.m.wrap(f.m.mux)
	return f
}

func TestBrowsersGetPages(t *testing.T) {
	t.Parallel()
	f := newOwned(t).withPages()
	browser := map[string]string{"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
	program := map[string]string{"Accept": "*/*"}
	for _, c := range []struct {
		method, path string
		header       map[string]string
		page         bool
	}{
		{"GET", "/", browser, true},
		{"GET", "/sign-in", browser, true},
		{"GET", "/setup", browser, true},
		{"GET", "/apps/default/scripts", browser, true},
		{"HEAD", "/apps/default/scripts", browser, true},
		{"GET", "/favicon.svg", program, true},
		{"GET", "/_app/immutable/x.js", program, true},
		{"GET", "/", program, false},
		{"GET", "/apps/default/scripts", program, false},
		{"GET", "/api/v1/nothing", browser, false},
		{"GET", "/api/openapi.json", browser, false},
		{"GET", "/login/oidc", browser, false},
		{"GET", "/healthz", browser, false},
		{"GET", "/readyz", browser, false},
		{"GET", "/metrics", browser, false},
		{"POST", "/sign-in", browser, false},
		{"DELETE", "/favicon.svg", browser, false},
		{"GET", "/" + strings.Repeat("a", maxTarget), browser, false},
	} {
		resp := f.do(request{method: c.method, path: c.path, header: c.header, anonymous: true})
		body, err := io.ReadAll(resp.Body)
		f.ok(err)
		if got := resp.StatusCode == 200 && strings.HasPrefix(string(body), "page "); got != c.page {
			t.Errorf("%s %.40s: a page: %v, want %v (%d %.60s)", c.method, c.path, got, c.page, resp.StatusCode, body)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s %.40s: the headers that every answer has are not there", c.method, c.path)
		}
	}
}

// TestPagesComeBeforeThereIsAnOwner: the page of the setup link is one of them.
// What they ask for stays shut.
func TestPagesComeBeforeThereIsAnOwner(t *testing.T) {
	t.Parallel()
	f := newFixture(t).withPages()
	f.want(request{method: "GET", path: "/setup?token=x", header: map[string]string{"Accept": "text/html"}, anonymous: true}, http.StatusOK, nil)
	f.want(request{method: "GET", path: "/api/v1/me", header: map[string]string{"Accept": "text/html"}, anonymous: true}, http.StatusForbidden, nil)
	f.want(request{method: "GET", path: "/", anonymous: true}, http.StatusForbidden, nil)
}

func TestWithoutPagesThereAreForms(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	resp := f.do(request{method: "GET", path: "/sign-in", header: map[string]string{"Accept": "text/html"}, anonymous: true})
	body, err := io.ReadAll(resp.Body)
	f.ok(err)
	if !strings.Contains(string(body), "<title>Sign in") {
		t.Errorf("GET /sign-in = %d %s", resp.StatusCode, body)
	}
}
