package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReplayGuide does what docs/guides/replay.md says, with the executor in the
// server's process and in one of its own.
func TestReplayGuide(t *testing.T) {
	t.Parallel()
	for name, env := range map[string][]string{"in process": nil, "isolated": {"PICLOUD_ISOLATE=true"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replayGuide(t, env...)
		})
	}
}

func replayGuide(t *testing.T, env ...string) {
	s := startServer(t, env...)
	u := signIn(t, s)
	u.guide("replay.md", "raffle")
	u.run("deploy", "raffle")
	if a := do(t, http.MethodGet, s.public+"/raffle", "", with("Cookie", "sid=topsecret")); a.status != 500 {
		t.Fatalf("GET /raffle = %s", a)
	}
	id := u.lastRun("raffle", "error")
	calls := u.run("journal", id)
	for _, want := range []string{"kv.read", `["tickets"]`, "random", `"8 bytes"`, "clock"} {
		if !strings.Contains(calls, want) {
			t.Errorf("picloud journal does not show %s:\n%s", want, calls)
		}
	}

	// What has changed since then does not matter.
	u.deploy("raffle", `fn handle(req) { "won" }`)
	u.run("kv", "set", "tickets", "99")
	out := u.run("replay", id)
	for _, want := range []string{"raffle v1", "of 3", "failed at", "no prize for", "same outcome, operations and log as before"} {
		if !strings.Contains(out, want) {
			t.Errorf("picloud replay does not say %q:\n%s", want, out)
		}
	}
	logs := u.run("logs", "--invocation", id)
	for _, line := range strings.Split(strings.TrimSpace(logs), "\n") {
		_, text, _ := strings.Cut(line, " v1  ")
		if !strings.Contains(out, strings.TrimSpace(text)) {
			t.Errorf("the replay did not log %q:\n%s", text, out)
		}
	}

	// A success whose journal is kept, and one whose is not.
	if a := do(t, http.MethodGet, s.public+"/steady", ""); a.body != "steady" {
		t.Fatalf("GET /steady = %s", a)
	}
	before := u.run("kv", "get", "last")
	out = u.run("replay", u.lastRun("steady", "ok"))
	if !strings.Contains(out, "would set last (10 bytes)") || !strings.Contains(out, "status 200 steady") || !strings.Contains(out, "same outcome") {
		t.Errorf("a success is replayed as\n%s", out)
	}
	if after := u.run("kv", "get", "last"); after != before {
		t.Errorf("a replay has changed a key: %s, then %s", before, after)
	}
	do(t, http.MethodGet, s.public+"/raffle", "")
	u.fails(1, []string{"replay", u.lastRun("raffle", "ok")}, "went well", "journal = 1.0")
	s.stop()
	if found := grepFolder(t, s.data, "topsecret"); len(found) > 0 {
		t.Errorf("a cookie is in clear in %v", found)
	}
}

// lastRun is the id of the newest invocation of a script with an outcome.
func (u *user) lastRun(script, status string) string {
	u.t.Helper()
	var list []struct{ ID string }
	u.json(&list, "invocations", script, "--status", status, "-n", "1")
	if len(list) != 1 {
		u.t.Fatalf("there is no invocation of %s with the outcome %s", script, status)
	}
	return list[0].ID
}

// grepFolder lists the files below a folder that hold a text.
func grepFolder(t *testing.T, folder, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), text) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
