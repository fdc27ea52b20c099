package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// pruneChunk is how many invocations one transaction deletes: the writer is
// held for some milliseconds only, however much there is to delete.
const pruneChunk = 500

// Prune implements [picloud.Records]. It is a transaction for each chunk, not
// one for all: being interrupted leaves less to do the next time.
func (s *Store) Prune(ctx context.Context, r picloud.Retention, now time.Time) (total picloud.Pruned, err error) {
	err = s.alone(ctx, lockPrune, func() (err error) {
		total, err = s.prune(ctx, r, now)
		return err
	})
	return total, err
}

func (s *Store) prune(ctx context.Context, r picloud.Retention, now time.Time) (picloud.Pruned, error) {
	var total picloud.Pruned
	if r.MaxAge > 0 {
		// By each one's own time and not by its place: one record with the time
		// of a clock that was wrong must not take all before it along.
		oldest := micros(now.Add(-r.MaxAge))
		err := s.pruneWhere(ctx, &total, "started_at < $1", oldest)
		if err == nil {
			// A block goes with its newest: some of it may be older, by as much
			// as a block's times reach.
			err = s.pruneBlocks(ctx, &total, "started_max < $1", oldest)
		}
		if err == nil {
			err = s.pruneRuns(ctx, fromMicros(oldest))
		}
		if err != nil {
			return total, err
		}
	}
	if r.MaxBytes > 0 {
		last, err := s.overflow(ctx, r.MaxBytes)
		if err == nil && last > 0 {
			if err = s.pruneWhere(ctx, &total, "seq <= $1", last); err == nil {
				err = s.pruneBlocks(ctx, &total, "last_seq <= $1", last)
			}
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// recorded is all that takes room, by number.
const recorded = "(SELECT seq, size FROM invocations UNION ALL SELECT last_seq, size FROM blocks) AS recorded"

// overflow is the number of the newest invocation that, with all the newer
// ones, takes more than limit bytes; 0 if all fit.
func (s *Store) overflow(ctx context.Context, limit int64) (last int64, err error) {
	err = s.read(ctx, "measure records", func(tx *tx) error {
		var size int64
		if err := tx.row("SELECT CAST(COALESCE(sum(size), 0) AS bigint) FROM " + recorded).Scan(&size); err != nil || size <= limit {
			return err
		}
		err := tx.row(`SELECT seq FROM (SELECT seq, sum(size) OVER (ORDER BY seq DESC) AS running FROM `+recorded+`) AS t
			WHERE running > $1 ORDER BY seq DESC LIMIT 1`, limit).Scan(&last)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return last, err
}

// pruneWhere deletes the invocations of a condition on $1, with their logs and
// journals.
func (s *Store) pruneWhere(ctx context.Context, total *picloud.Pruned, condition string, arg int64) error {
	chosen := " IN (SELECT seq FROM invocations WHERE " + condition + " ORDER BY seq LIMIT $2)"
	for {
		var invocations, logs int64
		err := s.write(ctx, "prune records", func(tx *tx) (err error) {
			if logs, err = tx.exec("DELETE FROM logs WHERE invocation_seq"+chosen, arg, pruneChunk); err != nil {
				return err
			}
			if _, err = tx.exec("DELETE FROM journals WHERE invocation_seq"+chosen, arg, pruneChunk); err != nil {
				return err
			}
			invocations, err = tx.exec("DELETE FROM invocations WHERE seq"+chosen, arg, pruneChunk)
			return err
		})
		if err != nil {
			return err
		}
		total.Invocations += invocations
		total.Logs += logs
		if invocations < pruneChunk {
			return nil
		}
	}
}
