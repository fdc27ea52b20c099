package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Bounds of one transaction of commits, and of how long it may take.
const (
	groupCommits = 512
	groupBytes   = 16 << 20
	groupTime    = 30 * time.Second
)

// committer gathers the commits that come while others are being written, and
// writes them in one transaction with one sync of the disk. While nothing is
// committed there is no goroutine.
type committer struct {
	mu      sync.Mutex
	waiting []*pendingCommit
	running bool
	work    sync.WaitGroup
}

// pendingCommit is one that waits for its outcome.
type pendingCommit struct {
	picloud.Commit
	err  error
	wake bool // an event can go on that could not before, or at another time
	done chan struct{}
}

// Commit implements [picloud.Data].
func (s *Store) Commit(ctx context.Context, c picloud.Commit) error {
	p := &pendingCommit{Commit: c, done: make(chan struct{})}
	s.commits.mu.Lock()
	s.commits.waiting = append(s.commits.waiting, p)
	if !s.commits.running {
		s.commits.running = true
		s.commits.work.Go(s.commitAll)
	}
	s.commits.mu.Unlock()
	<-p.done
	return p.err
}

// commitAll writes groups until nobody waits.
func (s *Store) commitAll() {
	for {
		group := s.commits.next()
		if len(group) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), groupTime)
		err := s.write(ctx, "commit invocations", func(tx *tx) error { return s.commitGroup(tx, group) })
		cancel()
		if err == nil {
			s.announceGroup(group)
		}
		for _, p := range group {
			if err != nil {
				p.err = err
			}
			close(p.done)
		}
	}
}

// announceGroup wakes those who wait for what a group has entered.
func (s *Store) announceGroup(group []*pendingCommit) {
	var recorded, entered bool
	for _, p := range group {
		recorded = recorded || p.err == nil && p.Record != nil
		entered = entered || p.err == nil && (len(p.Events) > 0 || p.wake)
	}
	if recorded {
		s.recorded.wake()
	}
	if entered {
		s.entered.wake()
	}
}

// next takes the commits of the next transaction; with none the committer has
// stopped.
func (c *committer) next() []*pendingCommit {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, size := 0, 0
	for n < len(c.waiting) && n < groupCommits && (n == 0 || size < groupBytes) {
		size += c.waiting[n].Size()
		n++
	}
	group := c.waiting[:n:n]
	c.waiting = slices.Clone(c.waiting[n:])
	c.running = n > 0
	return group
}

// commitGroup makes the changes of a group, one commit after the other. One
// that is refused changes nothing and does not concern the others.
func (s *Store) commitGroup(tx *tx, group []*pendingCommit) error {
	g := &groupWriter{tx: tx, now: micros(s.now()), quota: s.quota, apps: map[string]*appData{}}
	defer g.close()
	if err := g.lock(group); err != nil {
		return err
	}
	var records []picloud.Record
	var events []enteredEvent
	for _, p := range group {
		p.err = nil // a transaction may be tried again
		err := g.commit(p)
		var refused *picloud.Error
		if errors.As(err, &refused) {
			p.err = err
			continue
		}
		if err != nil {
			return err
		}
		if p.Record != nil {
			records = append(records, *p.Record)
		}
		for i := range p.Events {
			events = append(events, enteredEvent{p.AppID, &p.Events[i]})
		}
	}
	if err := g.unlock(); err != nil {
		return err
	}
	if err := g.enter(events); err != nil {
		return err
	}
	return addRecords(tx, records)
}

// appData is what an app keeps, while a group is written.
type appData struct{ version, keys, bytes int64 }

// groupWriter makes the changes of one group.
type groupWriter struct {
	tx    *tx
	now   int64
	quota int64
	apps  map[string]*appData
	sizes *sql.Stmt
	puts  *sql.Stmt
}

// lock takes the rows of the apps, in one order for everybody, so that the
// groups of several nodes cannot wait for each other in a circle.
func (g *groupWriter) lock(group []*pendingCommit) error {
	for _, p := range group {
		g.apps[p.AppID] = nil
	}
	for _, id := range slices.Sorted(maps.Keys(g.apps)) {
		a, err := lockApp(g.tx, id)
		if err != nil {
			return err
		}
		g.apps[id] = a
	}
	return nil
}

// lockApp takes the row of an app, for which others wait, and is what it keeps.
func lockApp(tx *tx, id string) (*appData, error) {
	var a appData
	err := tx.row(`INSERT INTO app_data (app_id, version, keys, bytes) VALUES ($1, 0, 0, 0)
		ON CONFLICT (app_id) DO UPDATE SET version = app_data.version RETURNING version, keys, bytes`, id).Scan(&a.version, &a.keys, &a.bytes)
	return &a, err
}

// unlock writes down what the apps keep now.
func (g *groupWriter) unlock() error {
	for _, id := range slices.Sorted(maps.Keys(g.apps)) {
		a := g.apps[id]
		if _, err := g.tx.exec("UPDATE app_data SET version = $1, keys = $2, bytes = $3 WHERE app_id = $4", a.version, a.keys, a.bytes, id); err != nil {
			return err
		}
	}
	return nil
}

// commit makes the changes of one invocation if what it saw is still so.
func (g *groupWriter) commit(p *pendingCommit) (err error) {
	c := &p.Commit
	if c.Settle != nil {
		if err := g.claimed(c.Settle); err != nil {
			return err
		}
	}
	if err := g.notDelivered(c); err != nil {
		return err
	}
	if err := unchanged(g.tx, c.AppID, &c.Effects, g.now); err != nil {
		return err
	}
	app := g.apps[c.AppID]
	old := make([]int64, len(c.Effects.Writes)) // sizes, -1 for none
	after := *app
	for i := range c.Effects.Writes {
		w := &c.Effects.Writes[i]
		var err error
		if old[i], err = g.sizeOf(c.AppID, w.Key); err != nil {
			return err
		}
		after.count(w, old[i])
	}
	if after.bytes > g.quota && after.bytes > app.bytes {
		return picloud.Errorf(picloud.CodeQuota, "the app keeps %d bytes, and may keep %d", after.bytes, g.quota)
	}
	after.version++
	for i := range c.Effects.Writes {
		if err := g.put(c.AppID, &c.Effects.Writes[i], after.version); err != nil {
			return err
		}
	}
	*app = after
	if err := g.deliver(c); err != nil {
		return err
	}
	if c.Settle != nil {
		p.wake, err = g.settle(c.Settle)
	}
	return err
}

// count takes a write into account.
func (a *appData) count(w *picloud.KeyWrite, old int64) {
	if old >= 0 {
		a.keys--
		a.bytes -= old
	}
	if !w.Delete {
		a.keys++
		a.bytes += writeSize(w)
	}
}

func writeSize(w *picloud.KeyWrite) int64 { return int64(len(w.Key) + len(w.Value)) }

// sizeOf is what a key takes, expired or not; -1 if it is not there.
func (g *groupWriter) sizeOf(appID, key string) (size int64, err error) {
	if g.sizes == nil {
		if g.sizes, err = g.tx.PrepareContext(g.tx.ctx, "SELECT size FROM kv WHERE app_id = $1 AND key = $2"); err != nil {
			return 0, err
		}
	}
	g.tx.store.statements.Add(1)
	err = g.sizes.QueryRowContext(g.tx.ctx, appID, []byte(key)).Scan(&size)
	if errors.Is(err, sql.ErrNoRows) {
		return -1, nil
	}
	return size, err
}

// put writes or removes a key.
func (g *groupWriter) put(appID string, w *picloud.KeyWrite, version int64) (err error) {
	if w.Delete {
		_, err = g.tx.exec("DELETE FROM kv WHERE app_id = $1 AND key = $2", appID, []byte(w.Key))
		return err
	}
	if g.puts == nil {
		g.puts, err = g.tx.PrepareContext(g.tx.ctx, `INSERT INTO kv (app_id, key, version, expires_at, kind, size, value)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (app_id, key) DO UPDATE SET version = excluded.version, expires_at = excluded.expires_at,
				kind = excluded.kind, size = excluded.size, value = excluded.value`)
		if err != nil {
			return err
		}
	}
	var expires int64
	if !w.ExpiresAt.IsZero() {
		expires = micros(w.ExpiresAt)
	}
	g.tx.store.statements.Add(1)
	_, err = g.puts.ExecContext(g.tx.ctx, appID, []byte(w.Key), version, expires, string(w.Kind), writeSize(w), notNull(w.Value))
	return err
}

// notNull is b for a column that knows no NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func (g *groupWriter) close() {
	for _, st := range []*sql.Stmt{g.sizes, g.puts} {
		if st != nil {
			st.Close()
		}
	}
}
