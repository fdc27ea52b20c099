package testenv

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres is a PostgreSQL server of its own for tests: in a temporary folder,
// on a Unix socket that nobody else knows, without disk syncs.
type Postgres struct {
	dir    string       // data and socket; removed by remove
	bin    string       // folder of the programs
	as     *credential  // nil is the user of the test
	sync   bool         // syncs the disk
	made   atomic.Int64 // databases
	mu     sync.Mutex
	server *exec.Cmd     // nil while it is stopped
	ended  chan struct{} // closed when server has ended
}

// errNoPostgres means that this machine has no PostgreSQL server.
var errNoPostgres = errors.New("there is no PostgreSQL here (Debian: apt-get install postgresql); `make test` installs it")

// shared is the server that the tests of one binary use together.
var shared struct {
	once   sync.Once
	server *Postgres
	err    error

	template    sync.Once
	templateErr error
}

// Main runs the tests of a package that uses [Database], and takes the
// server away after them. It is called by TestMain.
func Main(m *testing.M) int {
	code := m.Run()
	if shared.server != nil {
		shared.server.remove()
	}
	return code
}

// Database is the URL of a new, empty database on the server that the tests of
// this binary share; the first call starts it. It is dropped when the test
// ends. Without PostgreSQL the test is skipped, and fails where CI is set.
func Database(tb testing.TB) string {
	tb.Helper()
	shared.once.Do(func() { shared.server, shared.err = newPostgres(false) })
	orSkip(tb, shared.err)
	return shared.server.Database(tb)
}

// StartPostgres starts a server for one test, which may stop it and start it
// again.
func StartPostgres(tb testing.TB) *Postgres { return startFor(tb, false) }

// StartDurablePostgres is StartPostgres with every commit synced to the disk,
// as it is where data matters: for measuring.
func StartDurablePostgres(tb testing.TB) *Postgres { return startFor(tb, true) }

func startFor(tb testing.TB, sync bool) *Postgres {
	tb.Helper()
	p, err := newPostgres(sync)
	orSkip(tb, err)
	tb.Cleanup(p.remove)
	return p
}

// PreparedDatabase is Database with what prepare makes of an empty one. It is
// called once for the tests of this binary, which get copies: that is ten times
// as fast as migrating each.
func PreparedDatabase(tb testing.TB, prepare func(url string) error) string {
	tb.Helper()
	shared.once.Do(func() { shared.server, shared.err = newPostgres(false) })
	orSkip(tb, shared.err)
	p := shared.server
	shared.template.Do(func() {
		if shared.templateErr = p.run("CREATE DATABASE prepared"); shared.templateErr == nil {
			shared.templateErr = prepare(p.url("prepared"))
		}
	})
	if shared.templateErr != nil {
		tb.Fatalf("prepare a database: %v", shared.templateErr)
	}
	return p.create(tb, " TEMPLATE prepared")
}

func orSkip(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case errors.Is(err, errNoPostgres) && os.Getenv("CI") == "":
		tb.Skip("SKIPPED, NOT TESTED: ", err)
	default:
		tb.Fatal(err)
	}
}

// newPostgres makes a server and starts it.
func newPostgres(sync bool) (p *Postgres, err error) {
	p = &Postgres{sync: sync}
	if p.bin, err = postgresPrograms(); err != nil {
		return nil, err
	}
	if p.as, err = postgresUser(); err != nil {
		return nil, err
	}
	// The folder's name is short: a socket's path has 107 bytes at most.
	if p.dir, err = os.MkdirTemp("", "picloud-pg-"); err != nil {
		return nil, err
	}
	if p.as != nil {
		err = os.Chown(p.dir, int(p.as.Uid), int(p.as.Gid))
	}
	if err == nil {
		err = p.initialize()
	}
	if err == nil {
		err = p.start()
	}
	if err != nil {
		p.remove()
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return p, nil
}

// postgresPrograms is the folder with the newest initdb and postgres. Debian
// keeps them out of PATH.
func postgresPrograms() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	slices.SortFunc(found, func(a, b string) int { return majorOf(a) - majorOf(b) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", errNoPostgres
	}
	return filepath.Dir(path), nil
}

func majorOf(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// postgresUser is whom to run the server as: PostgreSQL refuses root.
func postgresUser() (*credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		return &credential{Uid: uint32(uid), Gid: uint32(gid)}, err
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}

// command is a program of PostgreSQL, run by its user in its folder.
func (p *Postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"PATH=" + p.bin, "LC_ALL=C", "TZ=UTC"}
	dieWithParent(cmd)
	runAs(cmd, p.as)
	return cmd
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

func (p *Postgres) initialize() error {
	out, err := p.command("initdb", "--pgdata", p.data(), "--username", "picloud", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// Start starts a server that was stopped; the test fails if it cannot.
func (p *Postgres) Start(tb testing.TB) {
	tb.Helper()
	if err := p.start(); err != nil {
		tb.Fatal(err)
	}
}

func (p *Postgres) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != nil {
		return nil
	}
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"-D", p.data(), "-k", p.dir, "-c", "listen_addresses=", "-c", "max_connections=300"}
	if p.sync {
		args = append(args, "-c", "shared_buffers=256MB")
	} else {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=32MB", "-c", "autovacuum=off")
	}
	cmd := p.command("postgres", args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	p.server, p.ended = cmd, make(chan struct{})
	go func(ended chan struct{}) {
		_ = cmd.Wait() // whether it serves is asked for below
		close(ended)
	}(p.ended)
	return p.awaitReady()
}

// awaitReady waits until the server answers.
func (p *Postgres) awaitReady() error {
	deadline := time.Now().Add(Patience)
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := p.run("SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			text, _ := os.ReadFile(filepath.Join(p.dir, "log"))
			return fmt.Errorf("it ended at once:\n%s", text)
		case <-time.After(wait):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("it does not answer after %v: %w", Patience, err)
		}
	}
}

// Stop stops the server as an administrator does who does not wait for the
// clients (a "fast" shutdown).
func (p *Postgres) Stop() { p.end(syscall.SIGINT) }

// Crash stops the server as a crash does: nothing is written any more, and the
// next start recovers from the log. (SIGKILL would leave its children behind.)
func (p *Postgres) Crash() { p.end(syscall.SIGQUIT) }

func (p *Postgres) end(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return
	}
	_ = p.server.Process.Signal(sig) // it may have ended already
	<-p.ended
	p.server = nil
}

// remove stops the server and removes its folder.
func (p *Postgres) remove() {
	p.Stop()
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
}

// Database is the URL of a new, empty database of the server, dropped when the
// test ends.
func (p *Postgres) Database(tb testing.TB) string {
	tb.Helper()
	return p.create(tb, "")
}

func (p *Postgres) create(tb testing.TB, like string) string {
	tb.Helper()
	name := fmt.Sprintf("test_%d", p.made.Add(1))
	if err := p.run("CREATE DATABASE " + name + like); err != nil {
		tb.Fatalf("create a database: %v", err)
	}
	tb.Cleanup(func() {
		// A server that was stopped takes it along when its folder goes.
		_ = p.run("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)")
	})
	return p.url(name)
}

func (p *Postgres) url(database string) string {
	return "postgres://picloud@/" + database + "?" + url.Values{"host": {p.dir}, "port": {"5432"}}.Encode()
}

// Socket is the path of the Unix socket on which the server listens.
func (p *Postgres) Socket() string { return filepath.Join(p.dir, ".s.PGSQL.5432") }

// run runs a statement outside any test's database.
func (p *Postgres) run(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
