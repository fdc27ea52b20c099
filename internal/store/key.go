package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const keyColumns = "k.id, k.user_id, k.name, k.prefix, k.scopes, COALESCE(k.app_id, ''), COALESCE(a.name, ''), k.created_at, k.expires_at, k.last_used_at"

const keyTables = " FROM api_keys k LEFT JOIN apps a ON a.id = k.app_id"

// keyRow is a key as its columns come.
type keyRow struct {
	picloud.APIKey
	scopes                 string
	created, expires, used int64
}

func (r *keyRow) dest() []any {
	return []any{&r.ID, &r.UserID, &r.Name, &r.Prefix, &r.scopes, &r.AppID, &r.App, &r.created, &r.expires, &r.used}
}

func (r *keyRow) key() picloud.APIKey {
	r.CreatedAt, r.ExpiresAt = fromMicros(r.created), fromMicros(r.expires)
	if r.used > 0 {
		r.LastUsedAt = fromMicros(r.used)
	}
	r.Scopes = []picloud.Scope{}
	for _, s := range strings.Fields(r.scopes) {
		r.Scopes = append(r.Scopes, picloud.Scope(s))
	}
	return r.APIKey
}

func scanKey(row scanner) (picloud.APIKey, error) {
	var r keyRow
	if err := row.Scan(r.dest()...); err != nil {
		return picloud.APIKey{}, err
	}
	return r.key(), nil
}

// CreateKey implements [picloud.APIKeys]. A new key is nothing that a node
// must hear of: what it does not know it looks up.
func (s *Store) CreateKey(ctx context.Context, k picloud.APIKey, secret picloud.TokenHash) (picloud.APIKey, error) {
	k.ID, k.CreatedAt, k.ExpiresAt = s.ids.New(), fromMicros(micros(s.now())), fromMicros(micros(k.ExpiresAt))
	scopes := make([]string, len(k.Scopes))
	for i, v := range k.Scopes {
		scopes[i] = string(v)
	}
	err := s.write(ctx, "create a key", func(tx *tx) error {
		if _, err := advance(tx, "accounts", 1); err != nil { // so that the count below stays true
			return err
		}
		var appID sql.NullString
		if k.App != "" {
			a, err := appByName(tx, k.App)
			if err != nil {
				return err
			}
			k.AppID, appID = a.ID, sql.NullString{String: a.ID, Valid: true}
		}
		var n int64
		if err := tx.row("SELECT count(*) FROM api_keys WHERE user_id = $1", k.UserID).Scan(&n); err != nil {
			return err
		}
		if n >= picloud.MaxKeysPerUser {
			return picloud.Errorf(picloud.CodeConflict, "there are %d keys, and no more are allowed; revoke one first", n)
		}
		_, err := tx.exec(`INSERT INTO api_keys (id, prefix, secret_hash, user_id, app_id, name, scopes, created_at, expires_at, last_used_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)`,
			k.ID, k.Prefix, secret[:], k.UserID, appID, k.Name, strings.Join(scopes, " "), micros(k.CreatedAt), micros(k.ExpiresAt))
		return err
	})
	return k, err
}

// KeyByPrefix implements [picloud.APIKeys].
func (s *Store) KeyByPrefix(ctx context.Context, prefix string, now time.Time) (c picloud.KeyCredentials, err error) {
	err = s.read(ctx, "read a key", func(tx *tx) error {
		var k keyRow
		var u userRow
		var hash []byte
		dest := append(append(k.dest(), u.dest()...), &hash)
		err := tx.row("SELECT "+keyColumns+", "+userColumns+", k.secret_hash"+keyTables+` JOIN users u ON u.id = k.user_id
			WHERE k.prefix = $1 AND k.expires_at > $2 AND u.active`, prefix, micros(now)).Scan(dest...)
		if errors.Is(err, sql.ErrNoRows) {
			return picloud.Errorf(picloud.CodeUnauthenticated, "the API key is not valid, or not any more")
		}
		if err != nil {
			return err
		}
		c.Key, c.User = k.key(), u.user()
		copy(c.SecretHash[:], hash)
		return nil
	})
	return c, err
}

// TouchKey implements [picloud.APIKeys].
func (s *Store) TouchKey(ctx context.Context, id string, at time.Time) error {
	return s.write(ctx, "touch a key", func(tx *tx) error {
		_, err := tx.exec("UPDATE api_keys SET last_used_at = $1 WHERE id = $2 AND last_used_at <= $3",
			micros(at), id, micros(at.Add(-picloud.TouchKeyEvery)))
		return err
	})
}

// ListKeys implements [picloud.APIKeys].
func (s *Store) ListKeys(ctx context.Context, userID string) (list []picloud.APIKey, err error) {
	err = s.read(ctx, "list keys", func(tx *tx) (err error) {
		list, err = all(tx, scanKey, "SELECT "+keyColumns+keyTables+" WHERE k.user_id = $1 ORDER BY k.created_at DESC, k.id DESC", userID)
		return err
	})
	return list, err
}

// KeyByID implements [picloud.APIKeys].
func (s *Store) KeyByID(ctx context.Context, userID, id string) (k picloud.APIKey, err error) {
	err = s.read(ctx, "read a key", func(tx *tx) (err error) {
		k, err = scanKey(tx.row("SELECT "+keyColumns+keyTables+" WHERE k.user_id = $1 AND k.id = $2", userID, id))
		if errors.Is(err, sql.ErrNoRows) {
			return picloud.NotFound("key", id)
		}
		return err
	})
	return k, err
}

// DeleteKey implements [picloud.APIKeys].
func (s *Store) DeleteKey(ctx context.Context, userID, id string) error {
	return s.change(ctx, "delete a key", func(tx *tx) error {
		n, err := tx.exec("DELETE FROM api_keys WHERE user_id = $1 AND id = $2", userID, id)
		if err == nil && n == 0 {
			err = picloud.NotFound("key", id)
		}
		return err
	})
}

// ExpireKeys implements [picloud.APIKeys].
func (s *Store) ExpireKeys(ctx context.Context, userID string, now time.Time) (n int64, err error) {
	err = s.change(ctx, "expire keys", func(tx *tx) (err error) {
		n, err = expireKeys(tx, userID, micros(now))
		return err
	})
	return n, err
}

func expireKeys(tx *tx, userID string, now int64) (int64, error) {
	return tx.exec("UPDATE api_keys SET expires_at = $1 WHERE user_id = $2 AND expires_at > $1", now, userID)
}

// DeleteExpiredKeys implements [picloud.APIKeys].
func (s *Store) DeleteExpiredKeys(ctx context.Context, before time.Time) (n int64, err error) {
	err = s.write(ctx, "drop expired keys", func(tx *tx) (err error) {
		n, err = tx.exec("DELETE FROM api_keys WHERE expires_at <= $1", micros(before))
		return err
	})
	return n, err
}
