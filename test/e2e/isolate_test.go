package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/testenv"
)

// isolated makes a server run scripts in a child process.
const isolated = "PICLOUD_ISOLATE=true"

// executor is the id of the child that runs the scripts, once there is one.
func (s *server) executor() int {
	s.t.Helper()
	var children []int
	testenv.Eventually(s.t, "there is an executor", func() bool {
		children = s.Children(s.t)
		return len(children) == 1
	})
	return children[0]
}

// TestScriptsRunInAChild goes the first steps of a user on a server that
// isolates, and looks at the child from outside.
func TestScriptsRunInAChild(t *testing.T) {
	t.Parallel()
	s := startServer(t, isolated, "PICLOUD_SECRET_OF_THE_SERVER=hunter2")
	u := signIn(t, s)
	u.deploy("prices", `fn total(n) { n * 21 }`)
	u.deploy("hello", `import "prices" as p; fn handle(req) { print("asked by " + req.query.name); #{ total: p::total(2) } }`)
	u.deploy("broken", `fn handle(req) { throw #{ status: 418, message: "teapot" } }`)
	u.deploy("count", `fn handle(req) { kv::incr("n") }`)
	if a := do(t, http.MethodGet, s.public+"/hello?name=ada", ""); a.status != 200 || a.body != `{"total":42}` {
		t.Errorf("GET /hello = %s", a)
	}
	if a := do(t, http.MethodGet, s.public+"/broken", ""); a.status != 418 || a.problem() != "thrown" {
		t.Errorf("GET /broken = %s", a)
	}
	for i := range 3 {
		if a := do(t, http.MethodGet, s.public+"/count", ""); a.status != 200 || a.body != fmt.Sprint(i+1) {
			t.Errorf("GET /count = %s", a)
		}
	}
	if logs := u.run("logs", "hello"); !strings.Contains(logs, "asked by ada") {
		t.Errorf("the log is\n%s", logs)
	}
	if out := u.run("invoke", "hello"); !strings.Contains(out, "42") {
		t.Errorf("invoke says %s", out)
	}

	child := s.executor()
	if got := testenv.ProcessStatus(t, child, "NoNewPrivs"); got != "1" {
		t.Errorf("the child can get new privileges: %s", got)
	}
	if got := testenv.ProcessStatus(t, child, "CapEff"); strings.Trim(got, "0") != "" {
		t.Errorf("the child has capabilities: %s", got)
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", child))
	if err != nil || strings.Contains(string(environ), "PICLOUD_") || strings.Contains(string(environ), "hunter2") {
		t.Errorf("the child's environment is %q, %v", environ, err)
	}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", child))
	if err != nil || len(fds) < 4 {
		t.Errorf("the child has %v open, %v", fds, err)
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, s.data) {
			t.Errorf("the child has %s open", target)
		}
	}
	s.stop()
	if err := syscall.Kill(child, 0); err == nil {
		t.Error("the child is still there after the server")
	}
}

// TestAKilledExecutorLosesOnlyWhatItRan kills the child again and again while
// clients ask, and counts their answers.
func TestAKilledExecutorLosesOnlyWhatItRan(t *testing.T) {
	t.Parallel()
	s := startServer(t, isolated)
	u := signIn(t, s)
	u.deploy("quick", `fn handle(req) { "done" }`)
	u.deploy("slow", `fn handle(req) { kv::incr("begun"); let n = 0; for i in 0..2000000 { n += i; } "done" }`)

	var stop atomic.Bool
	var mu sync.Mutex
	answers := map[string]int{}
	var traffic sync.WaitGroup
	for i := range 6 {
		path := []string{"/quick", "/slow"}[i%2]
		traffic.Go(func() {
			for !stop.Load() {
				a, err := try(http.MethodGet, s.public+path, "")
				key := fmt.Sprint(a.status, " ", a.problem())
				if err != nil {
					key = err.Error()
				}
				mu.Lock()
				answers[key]++
				mu.Unlock()
			}
		})
	}
	count := func(key string) int {
		mu.Lock()
		defer mu.Unlock()
		return answers[key]
	}
	const lost, good = "502 executor_lost", "200 "
	for range 3 {
		before, was := count(good), count(lost)
		testenv.Eventually(t, "there is traffic", func() bool { return count(good) > before+5 })
		child := s.executor()
		killed := time.Now()
		if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		testenv.Eventually(t, "what it ran is answered for", func() bool { return count(lost) > was })
		before = count(good)
		testenv.Eventually(t, "there are answers again", func() bool { return count(good) > before })
		t.Logf("answers again %v after the kill", time.Since(killed).Round(time.Millisecond))
		if now := s.executor(); now == child {
			t.Error("the executor is the one that was killed")
		}
	}
	stop.Store(true)
	traffic.Wait()
	t.Logf("answers: %v", answers)
	for key, n := range answers {
		if !slices.Contains([]string{good, lost, "503 unavailable"}, key) {
			t.Errorf("%d answers are %q", n, key)
		}
	}
	// Each one that was lost has its record, which says so; what such a run
	// wanted to change has not happened.
	var recorded []struct{ Error struct{ Code string } }
	u.json(&recorded, "invocations", "--status", "error", "--limit", "1000")
	if len(recorded) != answers[lost] || slices.ContainsFunc(recorded, func(r struct{ Error struct{ Code string } }) bool { return r.Error.Code != "executor_lost" }) {
		t.Errorf("%d were lost, %d are recorded: %+v", answers[lost], len(recorded), recorded)
	}
	s.stop()
}

// TestNoExecutorOutlivesItsServer kills the server, not the child.
func TestNoExecutorOutlivesItsServer(t *testing.T) {
	t.Parallel()
	s := startServer(t, isolated)
	signIn(t, s).deploy("busy", `fn handle(req) { loop { } }`)
	child := s.executor()
	go func() { _, _ = try(http.MethodGet, s.public+"/busy", "") }()
	testenv.Eventually(t, "the child works", func() bool {
		return testenv.ProcessorTime(t, child) > 50*time.Millisecond
	})
	s.Kill()
	testenv.Eventually(t, "the child is gone", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d", child))
		return err != nil
	})
	s.start()
	if a := do(t, http.MethodGet, s.public+"/none", ""); a.status != 404 {
		t.Errorf("after the restart: %s", a)
	}
	s.stop()
}
