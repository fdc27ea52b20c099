package store

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/picloud/picloud/internal/picloud"
)

// commitGroup makes the changes of a group, one commit after the other. One
// that is refused changes nothing and does not concern the others.
//
// What the commits look at is read beforehand, all of it in a few statements;
// each is then judged in memory, on what those before it have left; and what is
// left at the end is written, again in a few statements. A statement for each
// key and event would take three times as long.
func (s *Store) commitGroup(tx *tx, group []*pendingCommit) error {
	g := newGroupWriter(tx, s)
	if err := g.lock(group); err != nil {
		return err
	}
	if err := g.look(group); err != nil {
		return err
	}
	var records []picloud.Record
	var events []enteredEvent
	for _, p := range group {
		p.err, p.wake = nil, false // a transaction may be tried again
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
			p.Events[i].Seq, p.Events[i].Held = 0, false
			if e := &p.Events[i]; e.Once == 0 || p.fresh(e.Once-1) {
				events = append(events, enteredEvent{p.AppID, e})
			}
		}
	}
	if err := g.write(); err != nil {
		return err
	}
	if err := g.enter(events); err != nil {
		return err
	}
	if err := g.unlock(); err != nil {
		return err
	}
	if err := g.notifyStreams(group); err != nil {
		return err
	}
	group[0].marks, group[0].dropped = g.marks, g.dropped
	// Nothing has entered them before: a group is rolled back or committed.
	return addRecords(tx, records, true)
}

// appData is what an app keeps, while a group is written.
type appData struct {
	version, keys, bytes     int64
	events, files, fileBytes int64
	entering                 int64 // events that the group's commits so far enter
}

// appKey names a key of an app.
type appKey struct{ appID, key string }

// keyState is what a group knows of a key: as it was found, and as the commits
// so far have left it.
type keyState struct {
	version int64 // 0: there is none
	expires int64
	size    int64             // -1: there is none
	write   *picloud.KeyWrite // what is to be written yet; nil: nothing
}

// seenAt is the version that a reader sees at a time: 0 when the key is absent or
// has expired.
func (k *keyState) seenAt(now int64) int64 {
	if k.size < 0 || k.expires > 0 && k.expires <= now {
		return 0
	}
	return k.version
}

// groupWriter makes the changes of one group.
type groupWriter struct {
	tx       *tx
	now      int64
	apps     map[string]*appData
	keys     map[appKey]*keyState
	changed  []appKey             // those with something to be written
	events   map[string]heldEvent // those to be settled, by id
	accepted map[once]bool        // names of messages that commits of the group have brought
	gone     []int64              // the numbers of events that are done with
	free     map[orderKey]bool    // keys whose next event may go on
	dropped  []string             // contents that have lost their file
	refused  map[quotaKey]bool    // quotas for the sake of which something was
	marks    map[quotaKey]int     // how near to the end of quotas the apps have come

	backlogs map[string]*backlog // by script: what waits to be answered later
	opts     *picloud.Options    // once they were read
}

func newGroupWriter(tx *tx, s *Store) *groupWriter {
	return &groupWriter{
		tx: tx, now: micros(s.now()), refused: map[quotaKey]bool{}, marks: map[quotaKey]int{},
		apps: map[string]*appData{}, keys: map[appKey]*keyState{}, events: map[string]heldEvent{}, free: map[orderKey]bool{}, accepted: map[once]bool{},
	}
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
	err := tx.rowOften(`INSERT INTO app_data (app_id, version, keys, bytes) VALUES ($1, 0, 0, 0)
		ON CONFLICT (app_id) DO UPDATE SET version = app_data.version RETURNING version, keys, bytes, events, files, file_bytes`, id).
		Scan(&a.version, &a.keys, &a.bytes, &a.events, &a.files, &a.fileBytes)
	return &a, err
}

var (
	lookKeys   = rowsKind{head: "SELECT key, version, expires_at, size FROM kv WHERE app_id = ? AND key IN (", tail: ")"}
	deleteKeys = rowsKind{head: "DELETE FROM kv WHERE app_id = ? AND key IN (", tail: ")"}
	putKeys    = rowsKind{head: "INSERT INTO kv (app_id, key, version, expires_at, kind, size, value) VALUES ", columns: 7,
		tail: ` ON CONFLICT (app_id, key) DO UPDATE SET version = excluded.version, expires_at = excluded.expires_at,
			kind = excluded.kind, size = excluded.size, value = excluded.value`}
)

// look reads what the group's commits have seen or will write, and the events
// that they settle.
func (g *groupWriter) look(group []*pendingCommit) error {
	wanted := map[string][]string{}
	want := func(appID, key string) {
		at := appKey{appID, key}
		if g.keys[at] == nil {
			g.keys[at] = &keyState{size: -1}
			wanted[appID] = append(wanted[appID], key)
		}
	}
	for _, p := range group {
		for i := range p.Effects.Reads {
			want(p.AppID, p.Effects.Reads[i].Key)
		}
		for i := range p.Effects.Writes {
			want(p.AppID, p.Effects.Writes[i].Key)
		}
	}
	for appID, keys := range wanted {
		slices.Sort(keys)
		err := g.tx.queryRows(lookKeys, []any{appID}, len(keys), bytesOf(keys), func(row scanner) error {
			var key []byte
			var found keyState
			err := row.Scan(&key, &found.version, &found.expires, &found.size)
			*g.keys[appKey{appID, string(key)}] = found
			return err
		})
		if err != nil {
			return err
		}
	}
	return g.lookEvents(group)
}

// bytesOf gives keys as parameters.
func bytesOf(keys []string) func(args []any, i int) []any {
	return func(args []any, i int) []any { return append(args, []byte(keys[i])) }
}

// commit makes the changes of one invocation if what it saw is still so.
func (g *groupWriter) commit(p *pendingCommit) error {
	c := &p.Commit
	for i := range c.Settle {
		if !g.holds(&c.Settle[i]) {
			return picloud.ErrLost
		}
	}
	if err := g.notDelivered(c); err != nil {
		return err
	}
	if err := g.holdsAnswer(c); err != nil {
		return err
	}
	if err := g.unchanged(c); err != nil {
		return err
	}
	app := g.apps[c.AppID]
	after := *app
	for i := range c.Effects.Writes {
		w := &c.Effects.Writes[i]
		after.count(w, g.keys[appKey{c.AppID, w.Key}].size)
	}
	if err := g.repeats(p); err != nil {
		return err
	}
	for i := range c.Events {
		if e := &c.Events[i]; e.Once == 0 || p.fresh(e.Once-1) {
			after.entering++
		}
	}
	files, err := g.lookFiles(c, &after)
	if err != nil {
		return err
	}
	if err := g.withinQuotas(c.AppID, app, &after); err != nil {
		return err
	}
	if err := g.asyncFits(c); err != nil {
		return err
	}
	after.version++
	*app = after
	if err := g.writeFiles(c, files, after.version); err != nil {
		return err
	}
	for i := range c.Effects.Writes {
		g.put(c.AppID, &c.Effects.Writes[i], after.version)
	}
	if err := g.deliver(c); err != nil {
		return err
	}
	if err := g.accept(p); err != nil {
		return err
	}
	if len(c.Streamed) > 0 {
		if err := g.stream(p, after.version); err != nil {
			return err
		}
	}
	if err := g.answer(c); err != nil {
		return err
	}
	if err := g.async(c); err != nil {
		return err
	}
	for i := range c.Settle {
		wake, err := g.settle(&c.Settle[i], c.Record)
		if err != nil {
			return err
		}
		p.wake = p.wake || wake
		if c.Settle[i].RetryAt.IsZero() {
			app.events--
		}
	}
	return nil
}

// unchanged fails with ErrStale unless what a commit has seen is as the commits
// before it have left it.
func (g *groupWriter) unchanged(c *picloud.Commit) error {
	for i := range c.Effects.Reads {
		r := &c.Effects.Reads[i]
		if g.keys[appKey{c.AppID, r.Key}].seenAt(g.now) != r.Version {
			return picloud.ErrStale
		}
	}
	if err := unchangedFiles(g.tx, c.AppID, c.Effects.FileRanges); err != nil {
		return err
	}
	if len(c.Effects.Ranges) == 0 {
		return nil
	}
	// Ranges are looked at by the database, so it has to know what was written.
	if err := g.writeKeys(); err != nil {
		return err
	}
	return unchangedRanges(g.tx, c.AppID, c.Effects.Ranges, g.now)
}

// put takes down a write. Of several in a group the last one counts.
func (g *groupWriter) put(appID string, w *picloud.KeyWrite, version int64) {
	at := appKey{appID, w.Key}
	k := g.keys[at]
	if k.write == nil {
		g.changed = append(g.changed, at)
	}
	*k = keyState{version: version, size: -1, write: w}
	if w.Delete {
		return
	}
	k.size = writeSize(w)
	if !w.ExpiresAt.IsZero() {
		k.expires = micros(w.ExpiresAt)
	}
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

// write writes what the commits have left.
func (g *groupWriter) write() error {
	if err := g.writeKeys(); err != nil {
		return err
	}
	return g.writeEvents()
}

// unlock writes down what the apps have now.
func (g *groupWriter) unlock() error {
	for _, id := range slices.Sorted(maps.Keys(g.apps)) {
		a := g.apps[id]
		_, err := g.tx.execOften("UPDATE app_data SET version = $1, keys = $2, bytes = $3, events = $4, files = $5, file_bytes = $6 WHERE app_id = $7",
			a.version, a.keys, a.bytes, a.events, a.files, a.fileBytes, id)
		if err == nil && g.tx.store.gauges.due(id, g.now) {
			err = writeGauge(g.tx, id, g.now, a)
		}
		if err == nil {
			err = g.alarm(id, a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeKeys writes the keys that were changed, in their order: neighbours share
// pages.
func (g *groupWriter) writeKeys() error {
	slices.SortFunc(g.changed, func(a, b appKey) int { return cmp.Or(cmp.Compare(a.appID, b.appID), cmp.Compare(a.key, b.key)) })
	var puts []appKey
	drops := map[string][]string{}
	for _, at := range g.changed {
		if g.keys[at].write.Delete {
			drops[at.appID] = append(drops[at.appID], at.key)
		} else {
			puts = append(puts, at)
		}
	}
	for appID, keys := range drops {
		if err := g.tx.execRows(deleteKeys, []any{appID}, len(keys), bytesOf(keys)); err != nil {
			return err
		}
	}
	err := g.tx.execRows(putKeys, nil, len(puts), func(args []any, i int) []any {
		k := g.keys[puts[i]]
		return append(args, puts[i].appID, []byte(puts[i].key), k.version, k.expires, string(k.write.Kind), k.size, notNull(k.write.Value))
	})
	for _, at := range g.changed {
		g.keys[at].write = nil
	}
	g.changed = nil
	return err
}

// notNull is b for a column that knows no NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
