package blobs

import (
	"context"
	"errors"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// grace is how old a blob must be to be swept: older than a run or an upload can
// be that has put it down and not named it yet.
const grace = 24 * time.Hour

// sweepBatch is how many blobs are asked for at once.
const sweepBatch = 500

// Sweep removes the blobs that nobody names, which crashes and apps that were
// deleted leave, and tells how many. known is which of some ids the database names.
func Sweep(ctx context.Context, b picloud.Blobs, known func(ctx context.Context, ids []string) ([]string, error), now time.Time) (gone int64, err error) {
	var batch []string
	flush := func() error {
		named, err := known(ctx, batch)
		if err != nil {
			return err
		}
		orphans := without(batch, named)
		batch = nil
		gone += int64(len(orphans))
		return b.Delete(ctx, orphans)
	}
	err = b.Walk(ctx, now.Add(-grace), func(id string) error {
		if batch = append(batch, id); len(batch) < sweepBatch {
			return nil
		}
		return flush()
	})
	return gone, errors.Join(err, flush())
}

// without is the ids that are not among others.
func without(ids, others []string) []string {
	there := map[string]bool{}
	for _, id := range others {
		there[id] = true
	}
	var left []string
	for _, id := range ids {
		if !there[id] {
			left = append(left, id)
		}
	}
	return left
}
