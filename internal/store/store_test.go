package store

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/store/storetest"
	"github.com/picloud/picloud/internal/testenv"
)

// openAt opens a store on a file; the test closes it.
func openAt(t testing.TB, path string) *Store {
	t.Helper()
	return openWith(t, path, time.Now)
}

// openWith is openAt with a clock.
func openWith(t testing.TB, path string, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(context.Background(), Config{Path: path, Now: now, IDs: picloud.NewIDs(time.Now, rand.Reader), Quota: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// engines are the databases that a test runs on.
var engines = []struct {
	name string
	path func(t testing.TB) string // of a new, empty database
}{
	{"sqlite", func(t testing.TB) string { return filepath.Join(t.TempDir(), "picloud.db") }},
	{"postgres", func(t testing.TB) string { return testenv.PreparedDatabase(t, migrateOnly) }},
}

// migrateOnly opens a database, which migrates it.
func migrateOnly(path string) error {
	s, err := Open(context.Background(), Config{Path: path, Now: time.Now, IDs: picloud.NewIDs(time.Now, rand.Reader)})
	if err != nil {
		return err
	}
	return s.Close()
}

func deployOne(ctx context.Context, s *Store, name, source string) (picloud.Deployed, error) {
	list, err := s.Deploy(ctx, picloud.Deployment{App: picloud.DefaultApp, Scripts: []picloud.ScriptDeploy{{Name: name, Source: source}}})
	if err != nil {
		return picloud.Deployed{}, err
	}
	return list[0], nil
}

func TestContract(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			t.Parallel()
			storetest.Exercise(t, func(t *testing.T, now func() time.Time) storetest.Store { return openWith(t, engine.path(t), now) })
		})
	}
}

func TestReopenFindsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "we?ird %41 #name", "picloud.db")
	s := openAt(t, path)
	d, err := deployOne(t.Context(), s, "hello", "1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, path)
	got, err := again.ScriptByName(t.Context(), picloud.DefaultApp, "hello")
	if err != nil || got.Script != d.Script {
		t.Errorf("after reopening: %+v, %v; want %+v", got.Script, err, d.Script)
	}
	if apps, err := again.ListApps(t.Context()); err != nil || len(apps) != 1 {
		t.Errorf("apps after reopening: %v, %v", apps, err)
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	openAt(t, filepath.Join(dir, "picloud.db"))
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 3 {
		t.Fatalf("files %v, %v: want the database and its two side files", entries, err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", e.Name(), mode)
		}
	}
}

func TestPragmas(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "picloud.db"))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := s.writer.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", pragma, got, err, want)
		}
	}
	if _, err := s.reader.Exec("DELETE FROM apps"); err == nil {
		t.Error("the reading pool can write")
	}
}

func TestNewerSchemas(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			t.Parallel()
			path := engine.path(t)
			s := openAt(t, path)
			if _, err := s.writer.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)"); err != nil {
				t.Fatal(err)
			}
			// What is only added to does not keep an older release out: nodes
			// are upgraded one after the other.
			older := openAt(t, path)
			if _, err := deployOne(t.Context(), older, "hello", "1"); err != nil {
				t.Errorf("a release that is older than the schema: %v", err)
			}
			if _, err := s.writer.Exec("INSERT INTO counters (name, value) VALUES ('schema_floor', 9999)"); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), Config{Path: path, Now: time.Now, IDs: picloud.NewIDs(time.Now, rand.Reader)})
			if err == nil || !strings.Contains(err.Error(), "newer PiCloud") {
				t.Errorf("opening a database that asks for a newer release: %v", err)
			}
		})
	}
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "picloud.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, cfg := range []Config{
		{Path: path, Now: time.Now, IDs: picloud.NewIDs(time.Now, rand.Reader)},
		{Path: path},
	} {
		if _, err := Open(t.Context(), cfg); err == nil {
			t.Errorf("Open(%v) went well", cfg)
		}
	}
}

func TestStatementsAreCounted(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "picloud.db"))
	before := s.Statements()
	if before == 0 {
		t.Error("nothing was counted while opening")
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.Statements() - before; n != 3 {
		t.Errorf("a check of readiness counts %d statements, want begin, select, commit", n)
	}
	if n := s.Statements(); n != s.Statements() {
		t.Error("an idle store runs statements")
	}
}

func TestReadersDoNotWaitForTheWriter(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "picloud.db"))
	err := s.write(t.Context(), "test", func(tx *tx) error {
		if _, err := advance(tx, "revision", 1000); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // below the busy timeout
		defer cancel()
		snap, err := s.Snapshot(ctx)
		if err == nil && snap.Revision >= 1000 {
			t.Error("a reader sees what is not committed")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestKill deploys in a child process, kills it with SIGKILL in the middle of
// its work, and finds every version there that was acknowledged.
func TestKill(t *testing.T) {
	const variable = "PICLOUD_STORE_TEST_KILL"
	if path := os.Getenv(variable); path != "" {
		deployForEver(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "picloud.db")
	last := 0
	for round := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestKill$")
		cmd.Env = append(os.Environ(), variable+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; n < 20+round && lines.Scan(); n++ {
			last = acknowledged(t, lines.Text(), last)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what was acknowledged until the kill took effect
			last = acknowledged(t, lines.Text(), last)
		}
		cmd.Wait()

		s := openAt(t, path)
		_, source, err := s.VersionByNumber(t.Context(), picloud.DefaultApp, "hello", last)
		if err != nil || source != strconv.Itoa(last) {
			t.Fatalf("version %d was acknowledged; after the kill its source is %q, %v", last, source, err)
		}
		var check string
		if err := s.writer.QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
			t.Fatalf("integrity: %s, %v", check, err)
		}
		s.Close()
	}
	if last < 60 {
		t.Errorf("only %d deploys were acknowledged", last)
	}
}

// acknowledged reads a line of the child; a torn last line does not count.
func acknowledged(t *testing.T, line string, last int) int {
	text, whole := strings.CutSuffix(line, ".")
	if !whole {
		return last
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= last {
		t.Fatalf("the child says %q after %d", line, last)
	}
	return n
}

// deployForEver deploys version after version, the source being its number.
func deployForEver(t *testing.T, path string) {
	s := openAt(t, path)
	next := 1
	if l, err := s.ScriptByName(t.Context(), picloud.DefaultApp, "hello"); err == nil {
		next = l.Script.LatestVersion + 1
	}
	for ; ; next++ {
		d, err := deployOne(t.Context(), s, "hello", strconv.Itoa(next))
		if err != nil || d.Script.LiveVersion != next {
			t.Fatalf("deploy %d: %+v, %v", next, d.Script, err)
		}
		fmt.Printf("%d.\n", next)
	}
}

func BenchmarkAddRecords(b *testing.B) {
	s := openAt(b, filepath.Join(b.TempDir(), "picloud.db"))
	ids := picloud.NewIDs(time.Now, rand.Reader)
	for b.Loop() {
		batch := make([]picloud.Record, 500)
		for i := range batch {
			batch[i].Invocation = picloud.Invocation{ID: ids.New(), AppID: "a", ScriptID: "s", StartedAt: time.Now()}
			batch[i].Logs = []picloud.LogLine{{At: time.Now(), Message: "a line of a log"}}
		}
		if err := s.AddRecords(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*500)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkDeploy(b *testing.B) {
	s := openAt(b, filepath.Join(b.TempDir(), "picloud.db"))
	n := 0
	for b.Loop() {
		n++
		if _, err := deployOne(context.Background(), s, "hello", strconv.Itoa(n)); err != nil {
			b.Fatal(err)
		}
	}
}
