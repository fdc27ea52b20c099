package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// metrics is what is asked of a series.
type metrics struct {
	Total struct {
		Runs, Errors, Operations int64
		P99                      float64 `json:"p99_ms"`
	}
	Now *struct {
		DataBytes int64 `json:"data_bytes"`
	}
}

// TestMetrics has scripts run, with and without changes, and asks what ran.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	u.deploy("count", `kv::incr("visits")`)
	u.deploy("fail", `throw "no"`)
	u.deploy("hello", `"hello"`)
	for range 5 {
		do(t, http.MethodGet, s.public+"/count", "")
		do(t, http.MethodGet, s.public+"/hello", "")
	}
	do(t, http.MethodGet, s.public+"/fail", "")
	var m metrics
	for m.Total.Runs < 11 { // an answer is a little ahead of its record
		u.json(&m, "metrics")
	}
	if m.Total.Runs != 11 || m.Total.Errors != 1 || m.Total.Operations == 0 || m.Total.P99 == 0 || m.Now == nil || m.Now.DataBytes == 0 {
		t.Errorf("the app did %+v and keeps %+v", m.Total, m.Now)
	}
	u.json(&m, "metrics", "--script", "count")
	if m.Total.Runs != 5 || m.Total.Errors != 0 {
		t.Errorf("count did %+v", m.Total)
	}
	if got := u.run("metrics", "--instance", "--since", "24h"); !strings.Contains(got, "together") || !strings.Contains(got, "0 events waiting") {
		t.Errorf("metrics --instance = %q", got)
	}
}
