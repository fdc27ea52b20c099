package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

// onPostgres is the environment of servers that share a new database.
func onPostgres(t *testing.T) string {
	t.Helper()
	picloud(t) // skips under -short, before a server is started
	return "PICLOUD_DATABASE=" + testenv.Database(t)
}

func TestNothingAcknowledgedIsLostOnKillOnPostgres(t *testing.T) {
	t.Parallel()
	killAndFind(t, onPostgres(t))
}

// TestTwoServersShareADatabase goes through what an operator does: both answer,
// one is drained, stopped, upgraded and started again.
func TestTwoServersShareADatabase(t *testing.T) {
	t.Parallel()
	database := onPostgres(t)
	one := startServer(t, database, "PICLOUD_NODE_NAME=one")
	two := startServer(t, database, "PICLOUD_NODE_NAME=two")
	u := signIn(t, one)
	u.deploy("hello", `print("seen"); "hello"`)
	testenv.Eventually(t, "the other server serves what was deployed", func() bool {
		return do(t, http.MethodGet, two.public+"/hello", "").body == "hello"
	})
	testenv.Eventually(t, "its log is in the history of all", func() bool { return strings.Contains(u.run("logs", "hello"), "seen") })

	type node struct {
		Name, Health, State string
		Drained             bool
	}
	nodes := func() (list []node) {
		u.json(&list, "nodes")
		return list
	}
	if list := nodes(); len(list) != 2 || list[0].Name != "one" || list[1].Health != "live" || list[1].State != "active" {
		t.Errorf("nodes are %+v", list)
	}
	if out := u.run("nodes", "drain", "two"); out != "two is drained\n" {
		t.Errorf("nodes drain says %q", out)
	}
	if a := do(t, http.MethodGet, two.public+"/hello", ""); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("a drained server answers %s", a)
	}
	if a := do(t, http.MethodGet, two.public+"/_picloud/readyz", ""); a.status != 503 {
		t.Errorf("a drained server is ready: %s", a)
	}
	if r := u.try("", "nodes", "remove", "two"); r.code == 0 || !strings.Contains(r.stderr, "lives") {
		t.Errorf("removing a node that lives: %d %s", r.code, r.stderr)
	}
	two.stop()
	if list := nodes(); list[1].Health != "stopped" {
		t.Errorf("after the stop nodes are %+v", list)
	}
	two.start()
	if list := nodes(); list[1].Health != "live" || list[1].State != "active" {
		t.Errorf("after the restart nodes are %+v", list)
	}
	if a := do(t, http.MethodGet, two.public+"/hello", ""); a.status != 200 {
		t.Errorf("after the restart the server answers %s", a)
	}
	u.run("nodes", "cordon", "two")
	testenv.Eventually(t, "the cordoned server is not ready", func() bool {
		return do(t, http.MethodGet, two.public+"/_picloud/readyz", "").status == 503
	})
	two.stop()
	u.run("nodes", "remove", "two")
	if list := nodes(); len(list) != 1 {
		t.Errorf("after the removal nodes are %+v", list)
	}
	one.stop()
}
