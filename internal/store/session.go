package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// CreateSession implements [picloud.Sessions].
func (s *Store) CreateSession(ctx context.Context, v picloud.Session, token picloud.TokenHash) error {
	return s.write(ctx, "create a session", func(tx *tx) error {
		_, err := tx.exec(`INSERT INTO sessions (id, token_hash, user_id, created_at, last_seen_at, expires_at, address, user_agent)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			v.ID, token[:], v.UserID, micros(v.CreatedAt), micros(v.LastSeenAt), micros(v.ExpiresAt), v.Address, v.UserAgent)
		return err
	})
}

// SessionOf implements [picloud.Sessions].
func (s *Store) SessionOf(ctx context.Context, token picloud.TokenHash, now time.Time) (v picloud.Session, u picloud.User, err error) {
	err = s.read(ctx, "read a session", func(tx *tx) error {
		var created, seen, expires int64
		var r userRow
		dest := append([]any{&v.ID, &v.UserID, &created, &seen, &expires, &v.Address, &v.UserAgent}, r.dest()...)
		err := tx.row("SELECT s.id, s.user_id, s.created_at, s.last_seen_at, s.expires_at, s.address, s.user_agent, "+userColumns+`
			FROM sessions s JOIN users u ON u.id = s.user_id
			WHERE s.token_hash = $1 AND s.expires_at > $2 AND u.active`, token[:], micros(now)).Scan(dest...)
		if errors.Is(err, sql.ErrNoRows) {
			return picloud.Errorf(picloud.CodeUnauthenticated, "the session has ended; sign in again")
		}
		v.CreatedAt, v.LastSeenAt, v.ExpiresAt = fromMicros(created), fromMicros(seen), fromMicros(expires)
		u = r.user()
		return err
	})
	return v, u, err
}

// ListSessions implements [picloud.Sessions].
func (s *Store) ListSessions(ctx context.Context, userID string, now time.Time) (list []picloud.Session, err error) {
	err = s.read(ctx, "list sessions", func(tx *tx) (err error) {
		list, err = all(tx, scanSession, `SELECT id, user_id, created_at, last_seen_at, expires_at, address, user_agent
			FROM sessions WHERE user_id = $1 AND expires_at > $2 ORDER BY last_seen_at DESC, id DESC`, userID, micros(now))
		return err
	})
	return list, err
}

func scanSession(row scanner) (v picloud.Session, err error) {
	var created, seen, expires int64
	err = row.Scan(&v.ID, &v.UserID, &created, &seen, &expires, &v.Address, &v.UserAgent)
	v.CreatedAt, v.LastSeenAt, v.ExpiresAt = fromMicros(created), fromMicros(seen), fromMicros(expires)
	return v, err
}

// TouchSession implements [picloud.Sessions].
func (s *Store) TouchSession(ctx context.Context, id string, seen, expires time.Time) error {
	return s.write(ctx, "touch a session", func(tx *tx) error {
		_, err := tx.exec("UPDATE sessions SET last_seen_at = $1, expires_at = $2 WHERE id = $3",
			micros(seen), micros(expires), id)
		return err
	})
}

// DeleteSession implements [picloud.Sessions].
func (s *Store) DeleteSession(ctx context.Context, id string) error {
	return s.change(ctx, "end a session", func(tx *tx) error {
		_, err := tx.exec("DELETE FROM sessions WHERE id = $1", id)
		return err
	})
}

// DeleteOtherSessions implements [picloud.Sessions].
func (s *Store) DeleteOtherSessions(ctx context.Context, userID, keep string) (n int64, err error) {
	err = s.write(ctx, "end sessions", func(tx *tx) (err error) {
		n, err = tx.exec("DELETE FROM sessions WHERE user_id = $1 AND id <> $2", userID, keep)
		return err
	})
	return n, err
}

// SignedInFrom implements [picloud.Sessions].
func (s *Store) SignedInFrom(ctx context.Context, login string, now time.Time) (addresses []string, err error) {
	err = s.read(ctx, "list addresses of sessions", func(tx *tx) (err error) {
		scan := func(row scanner) (a string, err error) { return a, row.Scan(&a) }
		addresses, err = all(tx, scan, `SELECT DISTINCT s.address FROM sessions s JOIN users u ON u.id = s.user_id
			WHERE (u.username = $1 OR u.email = $1) AND s.expires_at > $2 ORDER BY s.address`, login, micros(now))
		return err
	})
	return addresses, err
}

// DeleteExpiredSessions implements [picloud.Sessions].
func (s *Store) DeleteExpiredSessions(ctx context.Context, now time.Time) (n int64, err error) {
	err = s.write(ctx, "drop expired sessions", func(tx *tx) (err error) {
		n, err = tx.exec("DELETE FROM sessions WHERE expires_at <= $1", micros(now))
		return err
	})
	return n, err
}
