package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// alive is the condition that a key has not expired by the time bound to $n.
const aliveAt3 = "(expires_at = 0 OR expires_at > $3)"

// ReadEntries implements [picloud.Data].
func (s *Store) ReadEntries(ctx context.Context, appID string, keys []string) ([]picloud.Entry, error) {
	if len(keys) == 1 {
		if e, err := s.readEntry(appID, keys[0]); err == nil {
			return []picloud.Entry{e}, nil
		}
		// Whatever was wrong, a transaction knows what to do about it.
	}
	entries := make([]picloud.Entry, len(keys))
	err := s.read(ctx, "read keys", func(tx *tx) error {
		now := micros(s.now())
		for i, key := range keys {
			e, err := scanEntry(tx.row("SELECT key, version, expires_at, kind, value FROM kv WHERE app_id = $1 AND key = $2 AND "+aliveAt3,
				appID, []byte(key), now))
			switch {
			case errors.Is(err, sql.ErrNoRows):
				e = picloud.Entry{Key: key}
			case err != nil:
				return err
			}
			entries[i] = e
		}
		return nil
	})
	return entries, err
}

const readEntryText = "SELECT key, version, expires_at, kind, value FROM kv WHERE app_id = $1 AND key = $2 AND " + aliveAt3

// readEntry reads one key, which is at one moment without a transaction. It
// takes so little time that it is not given up half way: SQLite's driver would
// start a goroutine to watch for that.
func (s *Store) readEntry(appID, key string) (picloud.Entry, error) {
	s.statements.Add(1)
	ctx := context.Background()
	if s.pg != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, transactionTime)
		defer cancel()
	}
	e, err := scanEntry(s.lookup.QueryRowContext(ctx, appID, []byte(key), micros(s.now())))
	if errors.Is(err, sql.ErrNoRows) {
		return picloud.Entry{Key: key}, nil
	}
	return e, err
}

// ListEntries implements [picloud.Data].
func (s *Store) ListEntries(ctx context.Context, appID string, q picloud.EntryQuery) (page picloud.EntryPage, err error) {
	if q.Limit <= 0 || q.Limit > picloud.MaxKeyPage {
		q.Limit = picloud.MaxKeyPage
	}
	err = s.read(ctx, "list keys", func(tx *tx) error {
		page, err = listEntries(tx, appID, q, s.now())
		return err
	})
	return page, err
}

func listEntries(tx *tx, appID string, q picloud.EntryQuery, now time.Time) (page picloud.EntryPage, err error) {
	value := "value"
	if !q.Values {
		value = "NULL"
	}
	r := keyRange(appID, q.From, q.To, now)
	tx.store.statements.Add(1)
	rows, err := tx.QueryContext(tx.ctx, "SELECT key, version, expires_at, kind, "+value+" FROM kv WHERE "+r.where+
		" ORDER BY key LIMIT "+r.bind(q.Limit+1), r.args...)
	if err != nil {
		return page, err
	}
	defer rows.Close()
	for size := 0; rows.Next(); {
		if len(page.Entries) == q.Limit || size >= picloud.MaxPageBytes {
			page.More = true
			return page, nil
		}
		e, err := scanEntry(rows)
		if err != nil {
			return page, err
		}
		size += len(e.Value)
		page.Entries = append(page.Entries, e)
	}
	return page, rows.Err()
}

// span is the condition for a range of an app's keys.
type span struct {
	filter
	where string
}

func keyRange(appID, from, to string, now time.Time) *span {
	r := &span{}
	r.where = "app_id = " + r.bind(appID) + " AND key >= " + r.bind([]byte(from)) + " AND (expires_at = 0 OR expires_at > " + r.bind(micros(now)) + ")"
	if to != "" {
		r.where += " AND key < " + r.bind([]byte(to))
	}
	return r
}

func scanEntry(row scanner) (e picloud.Entry, err error) {
	var key []byte
	var expires int64
	if err = row.Scan(&key, &e.Version, &expires, &e.Kind, &e.Value); err != nil {
		return e, err
	}
	e.Key = string(key)
	if expires != 0 {
		e.ExpiresAt = fromMicros(expires)
	}
	return e, nil
}

// Unchanged implements [picloud.Data].
func (s *Store) Unchanged(ctx context.Context, appID string, seen *picloud.Effects) error {
	return s.read(ctx, "look again at what was read", func(tx *tx) error {
		return unchanged(tx, appID, seen, micros(s.now()))
	})
}

// unchanged fails with ErrStale unless everything that was seen is still so.
func unchanged(tx *tx, appID string, seen *picloud.Effects, now int64) error {
	for _, r := range seen.Reads {
		var version int64
		err := tx.row("SELECT version FROM kv WHERE app_id = $1 AND key = $2 AND "+aliveAt3, appID, []byte(r.Key), now).Scan(&version)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if version != r.Version {
			return picloud.ErrStale
		}
	}
	if err := unchangedFiles(tx, appID, seen.FileRanges); err != nil {
		return err
	}
	return unchangedRanges(tx, appID, seen.Ranges, now)
}

// unchangedRanges is unchanged for listings.
func unchangedRanges(tx *tx, appID string, ranges []picloud.RangeRead, now int64) error {
	for _, r := range ranges {
		in := keyRange(appID, r.From, r.To, fromMicros(now))
		var count, newest int64
		err := tx.row("SELECT CAST(count(*) AS bigint), CAST(coalesce(max(version), 0) AS bigint) FROM kv WHERE "+in.where, in.args...).Scan(&count, &newest)
		if err != nil {
			return err
		}
		if count != int64(r.Count) || newest != r.Newest {
			return picloud.ErrStale
		}
	}
	return nil
}

// Usage implements [picloud.Data].
func (s *Store) Usage(ctx context.Context, appID string) (u picloud.DataUsage, err error) {
	err = s.read(ctx, "read what an app keeps", func(tx *tx) error {
		q, _, err := s.readQuotas(tx, appID)
		if err != nil {
			return err
		}
		u.Quota = q.Data
		err = tx.row("SELECT keys, bytes FROM app_data WHERE app_id = $1", appID).Scan(&u.Keys, &u.Bytes)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return u, err
}

// sweepBatch is how many expired keys one transaction drops at most.
const sweepBatch = 1000

// SweepEntries implements [picloud.Data].
func (s *Store) SweepEntries(ctx context.Context, now time.Time) (dropped int64, err error) {
	if err := s.write(ctx, "forget the names of messages", func(tx *tx) error { return sweepPublished(tx, now) }); err != nil {
		return 0, err
	}
	for {
		n, err := s.sweepSome(ctx, micros(now))
		dropped += n
		if err != nil || n == 0 {
			return dropped, err
		}
	}
}

// expired is a key to be dropped.
type expired struct {
	app  string
	key  []byte
	size int64
}

func (s *Store) sweepSome(ctx context.Context, now int64) (dropped int64, err error) {
	err = s.write(ctx, "drop expired keys", func(tx *tx) error {
		dropped = 0
		list, err := all(tx, func(row scanner) (e expired, err error) {
			return e, row.Scan(&e.app, &e.key, &e.size)
		}, "SELECT app_id, key, size FROM kv WHERE expires_at > 0 AND expires_at <= $1 ORDER BY app_id, key LIMIT $2", now, sweepBatch)
		if err != nil {
			return err
		}
		for _, e := range list {
			// The row of the app first: that is the order in which commits lock.
			if _, err := tx.exec("UPDATE app_data SET keys = keys - 1, bytes = bytes - $1 WHERE app_id = $2", e.size, e.app); err != nil {
				return err
			}
			n, err := tx.exec("DELETE FROM kv WHERE app_id = $1 AND key = $2 AND expires_at > 0 AND expires_at <= $3", e.app, e.key, now)
			if err != nil {
				return err
			}
			if n == 0 { // written anew meanwhile
				if _, err := tx.exec("UPDATE app_data SET keys = keys + 1, bytes = bytes + $1 WHERE app_id = $2", e.size, e.app); err != nil {
					return err
				}
			}
			dropped += n
		}
		return nil
	})
	return dropped, err
}
