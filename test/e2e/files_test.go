package e2e

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFiles has people and scripts keep files, a large one among them.
func TestFiles(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	large := make([]byte, 24<<20)
	_, _ = rand.Read(large)
	from, to := filepath.Join(t.TempDir(), "large.bin"), filepath.Join(t.TempDir(), "back.bin")
	if err := os.WriteFile(from, large, 0o600); err != nil {
		t.Fatal(err)
	}
	u.run("files", "put", from, "data/large.bin", "--open")
	u.run("files", "get", "data/large.bin", to)
	if back, err := os.ReadFile(to); err != nil || !bytes.Equal(back, large) {
		t.Errorf("read back %d bytes, %v", len(back), err)
	}
	if a := do(t, http.MethodGet, s.public+"/_picloud/files/data/large.bin", ""); a.status != 200 || a.body != string(large) {
		t.Errorf("the public gets %d with %d bytes", a.status, len(a.body))
	}
	u.deploy("files", `
		let part = files::get_range("data/large.bin", 8, 4);
		files::put("made.txt", "made of " + files::list("").len);
		files::text("made.txt")`)
	if a := do(t, http.MethodGet, s.public+"/files", ""); a.body != "made of 1" {
		t.Errorf("the script answers %s", a)
	}
	if got := u.run("files", "ls"); !strings.Contains(got, "data/large.bin") || !strings.Contains(got, "made.txt") || !strings.Contains(got, "text/plain") {
		t.Errorf("files ls = %q", got)
	}
	if got := u.run("files", "get", "made.txt"); got != "made of 1" {
		t.Errorf("files get = %q", got)
	}
	u.run("files", "set", "data/large.bin", "--open=false")
	if a := do(t, http.MethodGet, s.public+"/_picloud/files/data/large.bin", ""); a.status != 404 {
		t.Errorf("private: %d", a.status)
	}
	u.run("quotas", "set", "files=1MiB")
	u.fails(1, []string{"files", "put", from, "again.bin"}, "quota_files")
	u.run("files", "rm", "data/large.bin")
	u.fails(1, []string{"files", "get", "data/large.bin"}, "not_found")
}

// TestFilesGuide does what docs/guides/files.md shows.
func TestFilesGuide(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	u.deploy("avatars", snippet(t, "docs/guides/files.md", 1))
	do(t, http.MethodPost, s.public+"/avatars?user=ada", "a picture")
	a := do(t, http.MethodGet, s.public+"/_picloud/files/avatars/ada", "")
	if a.status != 200 || a.body != "a picture" || a.header.Get("Content-Type") != "image/png" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the picture is %s", a)
	}
	page := u.write("page.html", "<script>alert(1)</script>")
	u.run("files", "put", page, "page.html", "--open")
	if csp := do(t, http.MethodGet, s.public+"/_picloud/files/page.html", "").header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "sandbox") {
		t.Errorf("the policy of a page is %q", csp)
	}
	u.deploy("page", `html(files::text("page.html"))`)
	if a := do(t, http.MethodGet, s.public+"/page", ""); a.header.Get("Content-Security-Policy") != "" || !strings.Contains(a.body, "alert") {
		t.Errorf("as the app's own answer: %s", a)
	}
}
