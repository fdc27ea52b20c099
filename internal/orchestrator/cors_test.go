package orchestrator

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// corsHeaders lists the headers about CORS of an answer that are set.
func (a answer) corsHeaders() string {
	var list []string
	for _, name := range []string{"Origin", "Credentials", "Methods", "Headers", "Max-Age"} {
		if v := a.header.Get("Access-Control-Allow-" + name); v != "" {
			list = append(list, v)
		}
	}
	if v := a.header.Get("Access-Control-Max-Age"); v != "" {
		list = append(list, v)
	}
	return strings.Join(list, " | ")
}

func TestCORS(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(_ context.Context, x *picloud.Execution) *picloud.Outcome {
		h := http.Header{"Content-Type": {"text/plain"}, "Vary": {"Accept"}, "Access-Control-Allow-Origin": {"https://script.example"}}
		return &picloud.Outcome{Response: &picloud.Response{Status: 200, Header: h, Body: []byte(x.Request.Method)}}
	})
	w.deployAs(picloud.DefaultApp, "shop", "1", picloud.Settings{},
		"GET /all cors=*", "POST /all", "/some cors=https://shop.example cors-credentials cors-expose=x-total",
		"POST /keyed auth=key cors=https://shop.example cors-headers=x-a cors-max-age=5", "/none")
	const shop, evil = "Origin: https://shop.example", "Origin: https://evil.example"
	asks := func(method string) string { return "Access-Control-Request-Method: " + method }
	for _, c := range []struct {
		name, method, path string
		headers            []string
		status             int
		want               string
	}{
		{"a route for all", "GET", "/all", []string{evil}, 200, "*"},
		{"a route for all, not from a page", "GET", "/all", nil, 200, ""},
		{"a route for some", "GET", "/some", []string{shop}, 200, "https://shop.example | true"},
		{"a route for others", "GET", "/some", []string{evil}, 200, ""},
		{"preflight of all", "OPTIONS", "/all", []string{evil, asks("GET")}, 204, "* | GET, HEAD | content-type | 600"},
		{"preflight of some", "OPTIONS", "/some", []string{shop, asks("PUT")}, 204, "https://shop.example | true | GET, HEAD, POST, PUT, PATCH, DELETE | content-type | 600"},
		{"preflight of others", "OPTIONS", "/some", []string{evil, asks("PUT")}, 204, ""},
		{"preflight of a route with a key", "OPTIONS", "/keyed", []string{shop, asks("POST")}, 204, "https://shop.example | POST | x-a | 5"},
		{"no key", "POST", "/keyed", []string{shop}, 401, "https://shop.example"},
		{"preflight of another route of the path", "OPTIONS", "/all", []string{evil, asks("POST")}, 204, ""},
		{"a script's own word where there is no policy", "GET", "/none", []string{evil}, 200, "https://script.example"},
		{"preflight where there is no policy", "OPTIONS", "/none", []string{evil, asks("GET")}, 200, "https://script.example"},
	} {
		a := w.do(c.method, c.path, "", c.headers...)
		if a.status != c.status || a.corsHeaders() != c.want {
			t.Errorf("%s: %d %q, want %d %q", c.name, a.status, a.corsHeaders(), c.status, c.want)
		}
	}
	a := w.do("GET", "/some", "", shop)
	if got := strings.Join(a.header.Values("Vary"), ", "); got != "Accept, Origin" {
		t.Errorf("Vary %q", got)
	}
	if got := a.header.Get("Access-Control-Expose-Headers"); got != "x-total" {
		t.Errorf("exposed %q", got)
	}
	if a := w.do("OPTIONS", "/all", "", evil); a.status != 204 || a.header.Get("Allow") == "" {
		t.Errorf("OPTIONS that is no preflight: %d, Allow %q", a.status, a.header.Get("Allow"))
	}
}
