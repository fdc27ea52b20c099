package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

// snippet is a piece of Rhai of the documentation, with texts replaced.
func snippet(t *testing.T, page string, n int, replace ...string) string {
	t.Helper()
	text, err := os.ReadFile(testenv.Path(t, page))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "```rhai\n")
	if len(parts) <= n {
		t.Fatalf("%s has no piece %d", page, n)
	}
	code, _, _ := strings.Cut(parts[n], "```")
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(code, replace[i]) {
			t.Fatalf("%s, piece %d, does not hold %q", page, n, replace[i])
		}
	}
	return strings.NewReplacer(replace...).Replace(code)
}

// service is somebody else's server: it tells rates, and a balance to whoever
// has the key, which it says back.
func service(t *testing.T) (s *httptest.Server, key *atomic.Value) {
	t.Helper()
	key = new(atomic.Value)
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key.Store(r.Header.Get("Authorization"))
		switch r.URL.Path {
		case "/rates":
			fmt.Fprintf(w, `{"rates": {"%s": 1}}`, r.URL.Query().Get("base"))
		default:
			fmt.Fprintf(w, `{"you sent": %q}`, r.Header.Get("Authorization"))
		}
	}))
	t.Cleanup(s.Close)
	return s, key
}

// TestCallsAndSecrets follows the guides, on a server whose scripts run within it
// and on one where they run in a child.
func TestCallsAndSecrets(t *testing.T) {
	t.Parallel()
	for name, env := range map[string][]string{"within": nil, "child": {"PICLOUD_ISOLATE=true"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other, key := service(t)
			s := startServer(t, append(env, "PICLOUD_OUTBOUND_NETWORKS=127.0.0.1/32")...)
			u := signIn(t, s)
			u.deploy("rates", snippet(t, "docs/guides/calls.md", 1, "https://api.example.com", other.URL))
			if a := do(t, http.MethodGet, s.public+"/rates", ""); a.status != 500 {
				t.Errorf("a call to this machine that no list names: %s", a)
			}
			if got := u.run("logs", "rates"); !strings.Contains(got, "may not call") {
				t.Errorf("the log: %s", got)
			}
			u.run("outbound", "set", strings.TrimPrefix(other.URL, "http://"))
			if a := do(t, http.MethodGet, s.public+"/rates", ""); a.body != `{"EUR":1}` {
				t.Errorf("rates: %s", a)
			}

			const value = "sk_live_0123456789"
			u.deploy("balance", snippet(t, "docs/guides/secrets.md", 1, "https://api.stripe.com", other.URL))
			if r := u.try(value+"\n", "secrets", "set", "STRIPE_KEY"); r.code != 0 || !strings.Contains(r.stdout, "STRIPE_KEY is set (version 1)") {
				t.Fatalf("secrets set: %+v", r)
			}
			if a := do(t, http.MethodGet, s.public+"/balance", ""); a.body != `{"you sent":"Bearer secret(STRIPE_KEY)"}` {
				t.Errorf("balance: %s", a)
			}
			if got := key.Load(); got != "Bearer "+value {
				t.Errorf("sent %q", got)
			}
			if got := u.run("secrets", "list"); !strings.Contains(got, "STRIPE_KEY") || strings.Contains(got, value) {
				t.Errorf("secrets list = %q", got)
			}
			if got := u.run("audit"); !strings.Contains(got, "set-secret") || strings.Contains(got, value) {
				t.Errorf("audit = %q", got)
			}
			u.fails(1, []string{"secrets", "set", "not-a-name"}, "is not the name of a secret")
			u.run("secrets", "delete", "STRIPE_KEY")
			if a := do(t, http.MethodGet, s.public+"/balance", ""); a.status != 500 {
				t.Errorf("without its secret: %s", a)
			}
			if r := u.try(value, "secrets", "set", "STRIPE_KEY"); r.code != 0 {
				t.Fatalf("secrets set, again: %+v", r)
			}
			s.stop()
			for _, f := range []string{"picloud.db", "picloud.db-wal"} {
				data, err := os.ReadFile(filepath.Join(s.data, f))
				if err == nil && strings.Contains(string(data), value) {
					t.Errorf("%s holds the secret in clear", f)
				}
			}
		})
	}
}
