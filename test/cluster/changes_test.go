package cluster

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/testenv"
)

// changes makes changes of every kind, and measures when each node knows.
func (c *cluster) changes(t *testing.T) {
	c.deploy("moving", `"0"`)
	c.awaitNodes("/moving", "0")
	var begun, ended []time.Duration
	for i := range 10 {
		want := fmt.Sprint(i + 1)
		m := c.reaches(t, "/moving", want, func() { c.deploy("moving", fmt.Sprintf("%q", want)) })
		begun, ended = append(begun, m.begun), append(ended, m.ended)
	}
	slices.Sort(begun)
	slices.Sort(ended)
	t.Logf("until the last of %d nodes serves a deploy: %v after the command began, %v after it ended (medians of %d; longest %v, %v)",
		len(c.nodes), begun[len(begun)/2], ended[len(ended)/2], len(begun), begun[len(begun)-1], ended[len(ended)-1])
	for _, change := range []struct {
		what, path, want string
		commands         [][]string
	}{
		{"a rollback", "/moving", "9", [][]string{{"rollback", "moving", "10"}}},
		{"switching off", "/moving", "503", [][]string{{"disable", "moving"}}},
		{"switching on", "/moving", "9", [][]string{{"enable", "moving"}}},
		{"a deletion", "/moving", "404", [][]string{{"delete", "moving", "--yes"}}},
	} {
		m := c.reaches(t, change.path, change.want, func() {
			for _, args := range change.commands {
				c.run("", args...)
			}
		})
		t.Logf("%s: %v after the command began, %v after it ended", change.what, m.begun, m.ended)
	}
	c.domains(t)
	c.access(t)
}

// access: whoever loses theirs loses it on every node, though the nodes know
// callers whom they have seen before.
func (c *cluster) access(t *testing.T) {
	c.deploy("guarded", `req.auth.user`, "--auth", "member")
	var key struct{ ID, Key string }
	decode(t, c.run("", "keys", "create", "ci", "--scope", "invoke", "-o", "json"), &key)
	c.awaitNodes("Bearer "+key.Key+" /guarded", owner)
	c.awaitNodes("/guarded", "401")
	m := c.reaches(t, "Bearer "+key.Key+" /guarded", "401", func() { c.run("", "keys", "revoke", key.ID) })
	t.Logf("a revoked key: %v after the command began, %v after it ended", m.begun, m.ended)

	c.run(password+"\n", "users", "add", "bob", "--email", "bob@example.com", "--password-stdin")
	token := c.session("bob")
	c.awaitNodes("Bearer "+token+" /guarded", "bob")
	m = c.reaches(t, "Bearer "+token+" /guarded", "401", func() { c.run("", "users", "disable", "bob") })
	t.Logf("a disabled user: %v after the command began, %v after it ended", m.begun, m.ended)
}

// session signs somebody in, and is their token.
func (c *cluster) session(user string) string {
	c.t.Helper()
	body := fmt.Sprintf(`{"login": %q, "password": %q}`, user, password)
	resp, err := direct.Post("http://"+c.manager.addr+"/api/v1/login", "application/json", strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	var in struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&in); err != nil || in.Token == "" {
		c.t.Fatalf("%s cannot sign in: %s, %v", user, resp.Status, err)
	}
	return in.Token
}

// domains: a domain leads to its app on every node once it is verified, and no
// longer once it is removed.
func (c *cluster) domains(t *testing.T) {
	c.run("", "apps", "create", "shop")
	c.deploy("who", `"the default app"`)
	c.deploy("who", `"the shop"`, "--app", "shop")
	c.run("", "--app", "shop", "domains", "add", "shop.example.org")
	c.awaitNodes("shop.example.org/who", "the default app")
	m := c.reaches(t, "shop.example.org/who", "the shop", func() { c.run("", "--app", "shop", "domains", "verify", "shop.example.org", "--by", "vouch") })
	t.Logf("a domain: %v after the command began, %v after it ended", m.begun, m.ended)
	m = c.reaches(t, "shop.example.org/who", "the default app", func() { c.run("", "--app", "shop", "domains", "remove", "shop.example.org") })
	t.Logf("its removal: %v after the command began, %v after it ended", m.begun, m.ended)
}

// delay is how long it took until the last node knew of a change: since the
// command that made it began, and since it ended, or 0 if all knew before.
type delay struct{ begun, ended time.Duration }

// reaches makes a change and measures when the last node knows of it.
func (c *cluster) reaches(t *testing.T, path, want string, change func()) delay {
	t.Helper()
	known := make([]time.Time, len(c.nodes))
	var watching sync.WaitGroup
	for i, n := range c.nodes {
		watching.Go(func() { known[i] = n.watch(path, want) })
	}
	begun := time.Now()
	change()
	ended := time.Now()
	watching.Wait()
	var d delay
	for i, at := range known {
		if at.IsZero() {
			t.Fatalf("%s does not know after %v", c.nodes[i].name, testenv.Patience)
		}
		d.begun, d.ended = max(d.begun, at.Sub(begun)), max(d.ended, at.Sub(ended))
	}
	return delay{d.begun.Round(100 * time.Microsecond), d.ended.Round(100 * time.Microsecond)}
}

// watch asks a node again and again, and is when it first answered as wanted;
// the zero time if it does not.
func (s *service) watch(path, want string) time.Time {
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(testenv.Patience); time.Now().Before(end); <-ticker.C {
		if s.says(path) == want {
			return time.Now()
		}
	}
	return time.Time{}
}

// says is what a node answers itself, without Caddy: the body, or a status that
// is not 200. Before the path there may be a host, and before that what to be
// authorised by: "Bearer TOKEN host/path".
func (s *service) says(path string) string {
	authorization := ""
	if i := strings.LastIndexByte(path, ' '); i >= 0 {
		authorization, path = path[:i], path[i+1:]
	}
	host, path, _ := strings.Cut(path, "/")
	if host == "" {
		host = s.c.base
	}
	path = "/" + path
	req, err := http.NewRequest(http.MethodGet, "http://"+s.addr+path, nil)
	if err != nil {
		return err.Error()
	}
	req.Host = host
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := direct.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Sprint(resp.StatusCode)
	}
	return string(body)
}

var direct = &http.Client{Timeout: testenv.Patience}

// awaitNodes waits until every node answers as wanted: all of them the same, or
// each, in order, its own.
func (c *cluster) awaitNodes(path string, want ...string) {
	c.t.Helper()
	for i, n := range c.nodes {
		if w := want[i%len(want)]; n.watch(path, w).IsZero() {
			c.t.Fatalf("%s answers %q at %s, not %q", n.name, n.says(path), path, w)
		}
	}
}
