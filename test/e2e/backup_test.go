package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBackup makes a backup while the server works, goes on, loses everything,
// and goes back to the backup.
func TestBackup(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	u.write("count.rhai", `fn handle(req) { kv::incr("n").to_string() }`)
	u.run("deploy", "count.rhai")
	count := func(want string) {
		t.Helper()
		if a := do(t, http.MethodGet, s.public+"/count", ""); a.body != want {
			t.Fatalf("counted %s, want %s", a, want)
		}
	}
	count("1")
	count("2")
	var made struct{ Name string }
	u.json(&made, "backups", "create")
	count("3")

	file := filepath.Join(t.TempDir(), "copy.db")
	u.run("backups", "download", made.Name, "--file", file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy is %v, %v", info, err)
	}
	if out := u.run("backups"); !strings.Contains(out, made.Name) {
		t.Errorf("listed:\n%s", out)
	}
	u.run("backups", "delete", made.Name)
	u.fails(1, []string{"backups", "download", made.Name}, "no backup")

	s.stop()
	for _, name := range []string{"picloud.db", "picloud.db-wal", "picloud.db-shm"} {
		if err := os.Remove(filepath.Join(s.data, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if err := os.Rename(file, filepath.Join(s.data, "picloud.db")); err != nil {
		t.Fatal(err)
	}
	s.start()
	count("3") // the third call was after the backup
}
