package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// heldAnswer is what is kept under a key.
type heldAnswer struct {
	fingerprint, response []byte
	holder, node          string
	until, size           int64
}

func answerOf(tx *tx, appID string, key []byte) (a heldAnswer, there bool, err error) {
	err = tx.row("SELECT fingerprint, holder, node, until_at, size, response FROM answers WHERE app_id = $1 AND key = $2", appID, key).
		Scan(&a.fingerprint, &a.holder, &a.node, &a.until, &a.size, &a.response)
	if errors.Is(err, sql.ErrNoRows) {
		return a, false, nil
	}
	return a, err == nil, err
}

// HoldAnswer implements [picloud.Answers]. That the app's row is locked makes
// the look and the entering one step.
func (s *Store) HoldAnswer(ctx context.Context, appID string, k picloud.AnswerKey, holder, node string, until time.Time) (response []byte, err error) {
	err = s.write(ctx, "hold an idempotent request", func(tx *tx) error {
		response = nil
		if _, err := lockApp(tx, appID); err != nil {
			return err
		}
		now := micros(s.now())
		a, there, err := answerOf(tx, appID, k.Key)
		if err == nil && there && a.until > now {
			there, err = a.stands(tx, now)
		}
		switch {
		case err != nil:
			return err
		case there && a.until > now:
			response, err = a.repeated(k)
			return err
		case there:
			// Forgotten, or held by who is not coming back.
			if err := dropAnswer(tx, appID, k.Key, a.size); err != nil {
				return err
			}
		}
		if err := answersFit(tx, appID, now); err != nil {
			return err
		}
		_, err = tx.exec("INSERT INTO answers (app_id, key, fingerprint, holder, node, until_at, size, response) VALUES ($1, $2, $3, $4, $5, $6, 0, $7)",
			appID, k.Key, k.Fingerprint, holder, node, micros(until), []byte{})
		if err != nil {
			return err
		}
		return countAnswers(tx, appID, 1, 0)
	})
	return response, err
}

// stands reports whether an answer counts: one that is held by a node that is
// gone does not.
func (a *heldAnswer) stands(tx *tx, now int64) (bool, error) {
	if a.holder == "" || tx.store.pg == nil {
		return true, nil
	}
	var alive int64
	err := tx.row("SELECT count(*) FROM nodes WHERE id = $1 AND heartbeat_at > $2", a.node, now-picloud.NodeLease.Microseconds()).Scan(&alive)
	if err == nil && alive == 0 {
		a.until = 0
	}
	return true, err
}

// repeated is what a request gets whose key is there already.
func (a *heldAnswer) repeated(k picloud.AnswerKey) ([]byte, error) {
	switch {
	case !bytes.Equal(a.fingerprint, k.Fingerprint):
		return nil, picloud.ErrKeyReused
	case a.holder != "":
		return nil, picloud.ErrInFlight
	}
	return a.response, nil
}

// answersFit refuses another key when the app keeps too many. What has expired
// goes first.
func answersFit(tx *tx, appID string, now int64) error {
	for swept := false; ; swept = true {
		var count, size int64
		err := tx.row("SELECT answers, bytes FROM answer_usage WHERE app_id = $1", appID).Scan(&count, &size)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil || count < picloud.MaxAnswers && size < picloud.MaxAnswersBytes {
			return err
		}
		if swept {
			return &picloud.Error{Code: picloud.CodeOverloaded, Message: "too many responses to idempotent requests are kept", RetryAfter: time.Minute}
		}
		if _, err := sweepAnswers(tx, appID, now); err != nil {
			return err
		}
	}
}

// countAnswers keeps the number and the size of an app's answers.
func countAnswers(tx *tx, appID string, answers, size int64) error {
	_, err := tx.exec(`INSERT INTO answer_usage (app_id, answers, bytes) VALUES ($1, $2, $3)
		ON CONFLICT (app_id) DO UPDATE SET answers = answer_usage.answers + excluded.answers, bytes = answer_usage.bytes + excluded.bytes`, appID, answers, size)
	return err
}

func dropAnswer(tx *tx, appID string, key []byte, size int64) error {
	if _, err := tx.exec("DELETE FROM answers WHERE app_id = $1 AND key = $2", appID, key); err != nil {
		return err
	}
	return countAnswers(tx, appID, -1, -size)
}

// ReleaseAnswer implements [picloud.Answers].
func (s *Store) ReleaseAnswer(ctx context.Context, appID string, key []byte, holder string) error {
	return s.write(ctx, "release an idempotent request", func(tx *tx) error {
		if _, err := lockApp(tx, appID); err != nil {
			return err
		}
		a, there, err := answerOf(tx, appID, key)
		if err != nil || !there || a.holder != holder {
			return err
		}
		return dropAnswer(tx, appID, key, a.size)
	})
}

// ReleaseAnswers implements [picloud.Answers].
func (s *Store) ReleaseAnswers(ctx context.Context, node string) (n int64, err error) {
	return s.onAnswers(ctx, "release the idempotent requests of a node", func(tx *tx, appID string) (int64, error) {
		return deleteAnswers(tx, appID, "holder <> '' AND (node = $2 OR $2 = '')", node)
	})
}

// SweepAnswers implements [picloud.Answers].
func (s *Store) SweepAnswers(ctx context.Context, now time.Time) (int64, error) {
	return s.onAnswers(ctx, "forget idempotent requests", func(tx *tx, appID string) (int64, error) { return sweepAnswers(tx, appID, micros(now)) })
}

func sweepAnswers(tx *tx, appID string, now int64) (int64, error) {
	return deleteAnswers(tx, appID, "until_at <= $2", now)
}

// onAnswers does something to the answers of every app that has some.
func (s *Store) onAnswers(ctx context.Context, what string, f func(*tx, string) (int64, error)) (total int64, err error) {
	var apps []string
	err = s.read(ctx, what, func(tx *tx) (err error) {
		apps, err = all(tx, func(row scanner) (id string, err error) { return id, row.Scan(&id) }, "SELECT app_id FROM answer_usage WHERE answers > 0")
		return err
	})
	for _, id := range apps {
		if err != nil {
			break
		}
		var n int64
		err = s.write(ctx, what, func(tx *tx) (err error) {
			if _, err = lockApp(tx, id); err == nil {
				n, err = f(tx, id)
			}
			return err
		})
		total += n
	}
	return total, err
}

// deleteAnswers deletes an app's answers of a condition on $2.
func deleteAnswers(tx *tx, appID, condition string, arg any) (n int64, err error) {
	var size int64
	where := " FROM answers WHERE app_id = $1 AND " + condition
	if err := tx.row("SELECT CAST(COALESCE(sum(size), 0) AS bigint)"+where, appID, arg).Scan(&size); err != nil {
		return 0, err
	}
	if n, err = tx.exec("DELETE"+where, appID, arg); err != nil || n == 0 {
		return n, err
	}
	return n, countAnswers(tx, appID, -n, -size)
}

// holdsAnswer fails with ErrAnswerLost unless a commit's idempotent request is
// still its own.
func (g *groupWriter) holdsAnswer(c *picloud.Commit) error {
	if c.Answer == nil {
		return nil
	}
	a, there, err := answerOf(g.tx, c.AppID, c.Answer.Key)
	if err == nil && (!there || a.holder == "" || a.holder != c.Answer.Holder) {
		return picloud.ErrAnswerLost
	}
	return err
}

// answer keeps the response to a commit's idempotent request.
func (g *groupWriter) answer(c *picloud.Commit) error {
	if c.Answer == nil {
		return nil
	}
	o, err := g.options()
	if err != nil {
		return err
	}
	size := int64(len(c.Answer.Response))
	_, err = g.tx.exec("UPDATE answers SET holder = '', node = '', until_at = $1, size = $2, response = $3 WHERE app_id = $4 AND key = $5",
		g.now+o.IdempotencyLife().Microseconds(), size, c.Answer.Response, c.AppID, c.Answer.Key)
	if err != nil {
		return err
	}
	return countAnswers(g.tx, c.AppID, 0, size)
}
