package store

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// quotaCache remembers quotas until what is live changes, of which they are a
// part. The zero value is ready.
type quotaCache struct {
	mu      sync.Mutex
	byApp   map[string]picloud.Quotas
	forgets int // so far
	// marks are how near to the end of a quota an app was when that was last
	// written down.
	marks map[quotaKey]int
}

type quotaKey struct {
	app  string
	kind picloud.QuotaKind
}

func (c *quotaCache) forget(context.Context, picloud.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byApp = nil
	c.forgets++
}

// get is what is remembered of an app. What is read in its place is handed to
// put, with the number that get has told.
func (c *quotaCache) get(app string) (q picloud.Quotas, forgets int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q, ok = c.byApp[app]
	return q, c.forgets, ok
}

func (c *quotaCache) put(app string, q picloud.Quotas, forgets int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forgets != forgets {
		return // it was read before the change
	}
	if c.byApp == nil {
		c.byApp = map[string]picloud.Quotas{}
	}
	c.byApp[app] = q
}

// isNews reports whether a mark is another than the one that was noted.
func (c *quotaCache) isNews(k quotaKey, mark int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, known := c.marks[k]
	return !known || old != mark
}

// note takes marks down that are on disk.
func (c *quotaCache) note(marks map[quotaKey]int) {
	if len(marks) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.marks == nil || len(c.marks) >= maxGaugeApps {
		c.marks = map[quotaKey]int{}
	}
	maps.Copy(c.marks, marks)
}

// defaultQuotas are those of an app of which nothing is said.
func (s *Store) defaultQuotas() picloud.Quotas {
	q := picloud.DefaultQuotas()
	q.Data = s.quota
	return q
}

// quotasOf is an app's quotas.
func (s *Store) quotasOf(tx *tx, appID string) (picloud.Quotas, error) {
	q, forgets, ok := s.quotas.get(appID)
	if ok {
		return q, nil
	}
	q, _, err := s.readQuotas(tx, appID)
	if err == nil {
		s.quotas.put(appID, q, forgets)
	}
	return q, err
}

func (s *Store) readQuotas(tx *tx, appID string) (q picloud.Quotas, set []picloud.QuotaKind, err error) {
	q = s.defaultQuotas()
	set, err = all(tx, func(row scanner) (k picloud.QuotaKind, err error) {
		var amount int64
		err = row.Scan(&k, &amount)
		if at := q.Of(k); at != nil { // a newer release may know more kinds
			*at = amount
		}
		return k, err
	}, "SELECT kind, amount FROM quotas WHERE app_id = $1 ORDER BY kind", appID)
	return q, set, err
}

// allQuotas are the quotas of the apps of which something is said.
func (s *Store) allQuotas(tx *tx) (map[string]picloud.Quotas, error) {
	found := map[string]picloud.Quotas{}
	_, err := all(tx, func(row scanner) (none struct{}, err error) {
		var app string
		var kind picloud.QuotaKind
		var amount int64
		err = row.Scan(&app, &kind, &amount)
		q, known := found[app]
		if !known {
			q = s.defaultQuotas()
		}
		if at := q.Of(kind); at != nil {
			*at = amount
		}
		found[app] = q
		return none, err
	}, "SELECT app_id, kind, amount FROM quotas")
	return found, err
}

// QuotasOf implements [picloud.QuotaKeeper].
func (s *Store) QuotasOf(ctx context.Context, appID string) (q picloud.Quotas, set []picloud.QuotaKind, err error) {
	err = s.read(ctx, "read quotas", func(tx *tx) error {
		q, set, err = s.readQuotas(tx, appID)
		return err
	})
	return q, set, err
}

// SetQuotas implements [picloud.QuotaKeeper].
func (s *Store) SetQuotas(ctx context.Context, app string, amounts map[picloud.QuotaKind]*int64) error {
	return s.change(ctx, "set quotas", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		for _, kind := range slices.Sorted(maps.Keys(amounts)) {
			if amounts[kind] == nil {
				_, err = tx.exec("DELETE FROM quotas WHERE app_id = $1 AND kind = $2", a.ID, string(kind))
			} else {
				_, err = tx.exec(`INSERT INTO quotas (app_id, kind, amount) VALUES ($1, $2, $3)
					ON CONFLICT (app_id, kind) DO UPDATE SET amount = excluded.amount`, a.ID, string(kind), *amounts[kind])
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// UsageOf implements [picloud.QuotaKeeper].
func (s *Store) UsageOf(ctx context.Context, appID string, day time.Time) (u picloud.Usage, err error) {
	err = s.read(ctx, "read what an app uses", func(tx *tx) error {
		from := micros(picloud.QuotaDay(day))
		if err := tx.row(`SELECT CAST(coalesce(sum(operations), 0) AS bigint), CAST(coalesce(sum(calls), 0) AS bigint) FROM metrics
			WHERE app_id = $1 AND span = 3600 AND at >= $2 AND at < $3`, appID, from, from+spanDay*1e6).Scan(&u.Operations, &u.Calls); err != nil {
			return err
		}
		return tx.row(`SELECT coalesce(max(events), 0), coalesce(max(bytes), 0), coalesce(max(file_bytes), 0) FROM app_data WHERE app_id = $1`, appID).
			Scan(&u.Events, &u.Data, &u.Files)
	})
	return u, err
}

// RaiseAlarm implements [picloud.QuotaKeeper].
func (s *Store) RaiseAlarm(ctx context.Context, a picloud.Alarm) (raised bool, err error) {
	err = s.write(ctx, "raise an alarm", func(tx *tx) error {
		raised, err = s.raiseAlarm(tx, a)
		return err
	})
	return raised, err
}

func (s *Store) raiseAlarm(tx *tx, a picloud.Alarm) (bool, error) {
	if a.Kind.Daily() { // those of other days have passed
		day := picloud.QuotaDay(a.RaisedAt)
		if _, err := tx.exec("UPDATE alarms SET cleared_at = $1 WHERE app_id = $2 AND kind = $3 AND cleared_at = 0 AND raised_at < $1",
			micros(day), a.AppID, string(a.Kind)); err != nil {
			return false, err
		}
	}
	n, err := tx.exec(`INSERT INTO alarms (id, app_id, kind, percent, used, amount, raised_at, cleared_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)
		ON CONFLICT DO NOTHING`, s.ids.New(), a.AppID, string(a.Kind), a.Percent, a.Used, a.Quota, micros(a.RaisedAt))
	return n > 0, err
}

// ListAlarms implements [picloud.QuotaKeeper].
func (s *Store) ListAlarms(ctx context.Context, appID string, limit int) (list []picloud.Alarm, err error) {
	err = s.read(ctx, "list alarms", func(tx *tx) error {
		list, err = all(tx, func(row scanner) (a picloud.Alarm, err error) {
			var raised, cleared int64
			err = row.Scan(&a.ID, &a.AppID, &a.Kind, &a.Percent, &a.Used, &a.Quota, &raised, &cleared)
			a.RaisedAt = fromMicros(raised)
			if cleared != 0 {
				a.ClearedAt = fromMicros(cleared)
			}
			return a, err
		}, "SELECT id, app_id, kind, percent, used, amount, raised_at, cleared_at FROM alarms WHERE app_id = $1 ORDER BY raised_at DESC, percent DESC LIMIT $2",
			appID, pageSize(limit))
		return err
	})
	return list, err
}

// errQuota refuses a commit for the sake of a quota.
func errQuota(kind picloud.QuotaKind, used, quota int64) error {
	switch kind {
	case picloud.QuotaEvents:
		return &picloud.Error{Code: picloud.CodeQuotaEvents, RetryAfter: 30 * time.Second,
			Message: "too many events of the app would wait: see its quotas"}
	case picloud.QuotaFiles:
		return picloud.Errorf(picloud.CodeQuotaFiles, "the app's files would have %d bytes, and may have %d", used, quota)
	}
	return picloud.Errorf(picloud.CodeQuota, "the app would keep %d bytes, and may keep %d", used, quota)
}

// withinQuotas refuses what a commit leaves behind if that is over a quota, and
// more than there was.
func (g *groupWriter) withinQuotas(appID string, before, after *appData) error {
	q, err := g.tx.store.quotasOf(g.tx, appID)
	if err != nil {
		return err
	}
	was, is := before.used(), after.used()
	for _, kind := range [...]picloud.QuotaKind{picloud.QuotaData, picloud.QuotaEvents, picloud.QuotaFiles} {
		quota := *q.Of(kind)
		if used := *is.Of(kind); quota >= 0 && used > quota && used > *was.Of(kind) {
			g.refused[quotaKey{appID, kind}] = true
			return errQuota(kind, used, quota)
		}
	}
	return nil
}

// used is what an app uses of what a store keeps for it.
func (a *appData) used() picloud.Quotas {
	return picloud.Quotas{Data: a.bytes, Events: a.events + a.entering, Files: a.fileBytes}
}

// alarmsBelow is the part of a quota below which an alarm of the store's kinds has
// passed: so far below its mark that it does not come and go.
var alarmsBelow = map[int]int{80: 70, 100: 95}

// alarm raises and clears the alarms of an app, where that is news.
func (g *groupWriter) alarm(appID string, a *appData) error {
	q, err := g.tx.store.quotasOf(g.tx, appID)
	if err != nil {
		return err
	}
	is := a.used()
	for _, kind := range [...]picloud.QuotaKind{picloud.QuotaData, picloud.QuotaEvents, picloud.QuotaFiles} {
		k := quotaKey{appID, kind}
		if err := g.mark(k, *is.Of(kind), *q.Of(kind)); err != nil {
			return err
		}
	}
	return nil
}

func (g *groupWriter) mark(k quotaKey, used, quota int64) error {
	percent := 0
	if quota >= 0 {
		percent = int(min(float64(used)/float64(max(quota, 1))*100, 100))
	}
	if g.refused[k] {
		percent = 100
	}
	step := percent / 5 // enough to tell the marks apart, and those where they pass
	if !g.tx.store.quotas.isNews(k, step) {
		return nil
	}
	g.marks[k] = step
	for mark, below := range alarmsBelow {
		switch {
		case percent >= mark:
			a := picloud.Alarm{AppID: k.app, Kind: k.kind, Percent: mark, Used: used, Quota: quota, RaisedAt: fromMicros(g.now)}
			raised, err := g.tx.store.raiseAlarm(g.tx, a)
			if err != nil {
				return err
			}
			if raised {
				g.tx.store.log.LogAttrs(g.tx.ctx, slog.LevelWarn, "an app comes to the end of a quota", slog.String("app_id", k.app), slog.String("quota", string(k.kind)),
					slog.Int("percent", mark), slog.Int64("used", used), slog.Int64("of", quota))
			}
		case percent < below:
			if _, err := g.tx.exec("UPDATE alarms SET cleared_at = $1 WHERE app_id = $2 AND kind = $3 AND percent = $4 AND cleared_at = 0",
				g.now, k.app, string(k.kind), mark); err != nil {
				return err
			}
		}
	}
	return nil
}
