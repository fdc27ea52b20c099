package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/testenv"
)

const (
	// attackMemory is what the server is told to keep to.
	attackMemory = "GOMEMLIMIT=256MiB"
	// attackPeak is what it may use at the worst moment: the limit of one
	// script's values is 64 MiB, and Go's collector may let as much garbage
	// stand again before it runs.
	attackPeak = 512 << 20
)

// attack is one case of the corpus of attack scripts.
type attack struct {
	ID, Script, Note string
}

// TestAttacksAreBorne deploys and calls every script that was written to break
// a sandbox. Each must be refused at deploy, fail with a limit or an error, or
// end; after each the server must serve others as before.
func TestAttacksAreBorne(t *testing.T) {
	t.Parallel()
	s := startServer(t, attackMemory)
	attackServer(t, s)
	s.stop()
}

// TestAttacksAreBorneByAChild is the same with the executor as a child, which
// must bear them too: it is not to be started again.
func TestAttacksAreBorneByAChild(t *testing.T) {
	t.Parallel()
	s := startServer(t, attackMemory, isolated)
	child := s.executor()
	attackServer(t, s)
	if now := s.executor(); now != child {
		t.Errorf("the executor %d has ended, now there is %d", child, now)
	}
	peak := testenv.PeakMemory(t, child)
	t.Logf("peak of memory of the child %d MiB", peak>>20)
	if peak > attackPeak {
		t.Errorf("the executor used %d MiB, want at most %d", peak>>20, attackPeak>>20)
	}
	s.stop()
}

func attackServer(t *testing.T, s *server) {
	t.Helper()
	owner := signInAPI(t, s)
	if a := owner.deploy("canary", `"alive"`, nil); a.status != 200 {
		t.Fatalf("deploy = %s", a)
	}
	attacks := readAttacks(t, testenv.Shared(t, "conformance", "adversarial.jsonl"))
	attacks = append(attacks, readAttacks(t, testenv.Shared(t, "conformance", "adversarial-large.jsonl.gz"))...)

	outcomes := map[string]int{}
	var slowest time.Duration
	for _, c := range attacks {
		started := time.Now()
		outcome := c.run(t, s, owner)
		if took := time.Since(started); took > slowest {
			slowest = took
			t.Logf("%s took %v: %s", c.ID, took.Round(time.Millisecond), outcome)
		}
		outcomes[outcome]++
		if a, err := try(http.MethodGet, s.public+"/canary", ""); err != nil || a.body != "alive" {
			t.Fatalf("%s (%s): the server is harmed: %v, %v\n%.300s", c.ID, c.Note, a, err, c.Script)
		}
	}
	peak := s.PeakMemory(t)
	t.Logf("%d attacks, peak of memory %d MiB, outcomes %v", len(attacks), peak>>20, outcomes)
	if peak > attackPeak {
		t.Errorf("the server used %d MiB, want at most %d", peak>>20, attackPeak>>20)
	}
}

// run deploys and calls an attack, and names what became of it.
func (c attack) run(t *testing.T, s *server, owner *api) string {
	t.Helper()
	name := strings.ReplaceAll(path.Base(c.ID), ".", "-")
	a := owner.deploy("attack-"+name, c.Script, nil)
	switch a.status {
	case 200:
	case 413, 422:
		return "refused: " + a.problem()
	default:
		t.Errorf("%s: deploy = %s", c.ID, a)
		return "broken"
	}
	a = do(t, http.MethodGet, s.public+"/attack-"+name, "")
	kind := a.header.Get("PiCloud-Error")
	switch {
	case kind == "internal" || a.status >= 500 && (kind == "" || a.problem() != kind):
		t.Errorf("%s (%s): the call = %s, with PiCloud-Error %q\n%.300s", c.ID, c.Note, a, kind, c.Script)
	case len(a.body) > 8<<20:
		t.Errorf("%s: the response has %d bytes", c.ID, len(a.body))
	case kind == "":
		return http.StatusText(a.status) // a script's own value may well be a success
	}
	return kind
}

func readAttacks(t *testing.T, name string) []attack {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	var all []attack
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var c attack
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, c)
	}
	if err := lines.Err(); err != nil || len(all) == 0 {
		t.Fatalf("%s: %d cases, %v", name, len(all), err)
	}
	return all
}
