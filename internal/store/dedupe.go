package store

import (
	"cmp"
	"database/sql"
	"errors"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// sweepDedupe is how many names that are over go for each that comes, so that
// they never pile up and nothing has to wake up for them.
const sweepDedupe = 4

// once names a message that is accepted once.
type once struct{ appID, topic, name string }

// repeats finds the messages of a commit that have been accepted before, by an
// older commit or by one before it in the group, or that are in it twice.
func (g *groupWriter) repeats(p *pendingCommit) error {
	p.repeated = nil
	seen := map[once]bool{}
	for i := range p.Effects.Messages {
		m := &p.Effects.Messages[i]
		if m.Dedupe == "" {
			continue
		}
		at := once{p.AppID, m.Topic, m.Dedupe}
		known := seen[at] || g.accepted[at]
		if !known {
			var expires int64
			err := g.tx.row("SELECT expires_at FROM published WHERE app_id = $1 AND topic = $2 AND name = $3", at.appID, at.topic, at.name).Scan(&expires)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			known = expires > g.now
		}
		seen[at] = true
		if known {
			if p.repeated == nil {
				p.repeated = map[int]bool{}
			}
			p.repeated[i] = true
		}
	}
	return nil
}

// accept remembers the names of a commit's messages, and forgets some that are
// over.
func (g *groupWriter) accept(p *pendingCommit) error {
	n := 0
	for i := range p.Effects.Messages {
		m := &p.Effects.Messages[i]
		if m.Dedupe == "" || p.repeated[i] {
			continue
		}
		n++
		g.accepted[once{p.AppID, m.Topic, m.Dedupe}] = true
		window := cmp.Or(m.Window, picloud.DefaultDedupeWindow)
		_, err := g.tx.execOften(`INSERT INTO published (app_id, topic, name, expires_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (app_id, topic, name) DO UPDATE SET expires_at = excluded.expires_at`, p.AppID, m.Topic, m.Dedupe, g.now+window.Microseconds())
		if err != nil {
			return err
		}
	}
	if n == 0 {
		return nil
	}
	_, err := g.tx.execOften(`DELETE FROM published WHERE (app_id, topic, name) IN
		(SELECT app_id, topic, name FROM published WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`, g.now, n*sweepDedupe)
	return err
}

// fresh reports whether a message of the commit is not one that it repeats.
func (p *pendingCommit) fresh(message int) bool { return !p.repeated[message] }

// sweepPublished forgets what is over.
func sweepPublished(tx *tx, now time.Time) error {
	_, err := tx.exec("DELETE FROM published WHERE expires_at <= $1", micros(now))
	return err
}

// repeatedStream reports whether the first message of the commit that has a
// streamed one's name is a repetition.
func (p *pendingCommit) repeatedStream(m *picloud.Message) bool {
	for i := range p.Effects.Messages {
		if o := &p.Effects.Messages[i]; o.Topic == m.Topic && o.Dedupe == m.Dedupe {
			return p.repeated[i]
		}
	}
	return false
}
