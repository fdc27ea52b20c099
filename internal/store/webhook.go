package store

import (
	"context"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Delivered implements [picloud.Data].
func (s *Store) Delivered(ctx context.Context, appID string, d picloud.Delivery) (taken bool, err error) {
	err = s.read(ctx, "look for a webhook", func(tx *tx) (err error) {
		taken, err = delivered(tx, appID, d, micros(s.now()))
		return err
	})
	return taken, err
}

// delivered reports whether a webhook was taken, and not too long ago to count.
func delivered(tx *tx, appID string, d picloud.Delivery, now int64) (bool, error) {
	var n int64
	err := tx.row("SELECT COUNT(*) FROM webhooks WHERE app_id = $1 AND key = $2 AND taken > $3",
		appID, d.Key, now-picloud.WebhookMemory.Microseconds()).Scan(&n)
	return n > 0, err
}

// notDelivered refuses a webhook that was taken before. That the app's row is
// locked makes the look and the entering one step.
func (g *groupWriter) notDelivered(c *picloud.Commit) error {
	if c.Delivery == nil {
		return nil
	}
	taken, err := delivered(g.tx, c.AppID, *c.Delivery, g.now)
	if err == nil && taken {
		return picloud.ErrDelivered
	}
	return err
}

// deliver remembers a webhook. One in 256 of them, as their keys are spread,
// first has the app forget those that are too many: what an app remembers has a
// bound between two sweeps as well.
func (g *groupWriter) deliver(c *picloud.Commit) error {
	if c.Delivery == nil {
		return nil
	}
	if key := c.Delivery.Key; len(key) > 0 && key[0] == 0 {
		if _, err := forgetWebhooks(g.tx, c.AppID, g.now); err != nil {
			return err
		}
	}
	_, err := g.tx.exec(`INSERT INTO webhooks (app_id, key, taken) VALUES ($1, $2, $3)
		ON CONFLICT (app_id, key) DO UPDATE SET taken = excluded.taken`, c.AppID, c.Delivery.Key, g.now)
	return err
}

// forgetWebhooks drops what an app need not remember, and what is too much.
func forgetWebhooks(tx *tx, appID string, now int64) (int64, error) {
	return tx.exec(`DELETE FROM webhooks WHERE app_id = $1 AND (taken <= $2 OR taken < (
		SELECT taken FROM webhooks WHERE app_id = $1 ORDER BY taken DESC LIMIT 1 OFFSET $3))`,
		appID, now-picloud.WebhookMemory.Microseconds(), picloud.MaxWebhooksKept-1)
}

// SweepDelivered implements [picloud.Data].
func (s *Store) SweepDelivered(ctx context.Context, now time.Time) (dropped int64, err error) {
	var apps []string
	err = s.read(ctx, "list who got webhooks", func(tx *tx) (err error) {
		apps, err = all(tx, func(row scanner) (id string, err error) { return id, row.Scan(&id) }, "SELECT DISTINCT app_id FROM webhooks")
		return err
	})
	for _, id := range apps {
		if err == nil {
			err = s.write(ctx, "forget webhooks", func(tx *tx) error {
				n, err := forgetWebhooks(tx, id, micros(now))
				dropped += n
				return err
			})
		}
	}
	return dropped, err
}
