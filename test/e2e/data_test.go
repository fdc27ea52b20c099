package e2e

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestData has people and scripts change the same keys.
func TestData(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	u.deploy("count", `kv::incr("visits")`)
	u.run("kv", "set", "visits", "41")
	if a := do(t, http.MethodGet, s.public+"/count", ""); a.body != "42" {
		t.Fatalf("the script counts to %s", a)
	}
	if got := u.run("kv", "get", "visits"); strings.TrimSpace(got) != "42" {
		t.Errorf("kv get = %q", got)
	}
	var e struct{ Version int64 }
	u.json(&e, "kv", "get", "visits")
	do(t, http.MethodGet, s.public+"/count", "")
	u.fails(1, []string{"kv", "set", "visits", "0", "--if-version", strconv.FormatInt(e.Version, 10)}, "conflict")
	u.fails(1, []string{"kv", "set", "visits", "no JSON"}, "the value is not JSON")
	if got := u.run("kv", "list", "vis", "--values"); !strings.Contains(got, "visits") || !strings.Contains(got, "43") {
		t.Errorf("kv list = %q", got)
	}
	if got := u.run("kv", "usage"); !strings.HasPrefix(got, "1 key, 8 of ") {
		t.Errorf("kv usage = %q", got)
	}
	u.run("kv", "delete", "visits")
	u.fails(1, []string{"kv", "get", "visits"}, "no such key")
}
