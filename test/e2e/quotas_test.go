package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestQuotas has an app run into what it may use.
func TestQuotas(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	u.deploy("keep", `fn handle(req) { kv::set("k", req.query.v); "kept" }`)
	u.run("quotas", "set", "data=100", "operations=50k")
	do(t, http.MethodGet, s.public+"/keep?v="+strings.Repeat("x", 90), "")
	if a := do(t, http.MethodGet, s.public+"/keep?v="+strings.Repeat("x", 200), ""); a.status != http.StatusInsufficientStorage {
		t.Errorf("too much data: %s", a)
	}
	if got := u.run("quotas", "alarms"); !strings.Contains(got, "data") || !strings.Contains(got, "80 %") || !strings.Contains(got, "100 %") {
		t.Errorf("quotas alarms = %q", got)
	}
	u.deploy("spin", `let n = 0; for i in 0..100000 { n += i % 7; } n`)
	do(t, http.MethodGet, s.public+"/spin", "")
	if a := do(t, http.MethodGet, s.public+"/spin", ""); a.status != http.StatusTooManyRequests || !strings.Contains(a.body, "quota_operations") {
		t.Errorf("operations used up: %s", a)
	}
	if got := u.run("quotas"); !strings.Contains(got, "50000") || !strings.Contains(got, "10737418240") {
		t.Errorf("quotas = %q", got)
	}
	u.run("quotas", "set", "operations=none")
	if a := do(t, http.MethodGet, s.public+"/spin", ""); a.status >= 400 {
		t.Errorf("without a quota: %s", a)
	}
	u.fails(2, []string{"quotas", "set", "cups=3"}, "KIND=AMOUNT")
	u.fails(2, []string{"quotas", "set", "data=lots"}, "is not an amount")
}
