package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const passkeyColumns = "p.id, p.user_id, p.name, p.rp_id, p.credential_id, p.credential, p.created_at, p.last_used_at"

// passkeyRow is a passkey with its times as they are stored.
type passkeyRow struct {
	picloud.Passkey
	created, used int64
}

func (r *passkeyRow) dest() []any {
	return []any{&r.ID, &r.UserID, &r.Name, &r.RPID, &r.CredentialID, &r.Credential, &r.created, &r.used}
}

// passkey is the row, read. A key that was never used has 0 in its row.
func (r *passkeyRow) passkey() picloud.Passkey {
	r.CreatedAt = fromMicros(r.created)
	if r.used != 0 {
		r.LastUsedAt = fromMicros(r.used)
	}
	return r.Passkey
}

// AddPasskey implements [picloud.Factors].
func (s *Store) AddPasskey(ctx context.Context, p picloud.Passkey, codes []picloud.TokenHash) error {
	return s.write(ctx, "enter a passkey", func(tx *tx) error {
		if _, err := advance(tx, "accounts", 1); err != nil { // of two at once, the second counts the first
			return err
		}
		var n int64
		if err := tx.row("SELECT count(*) FROM passkeys WHERE user_id = $1", p.UserID).Scan(&n); err != nil {
			return err
		}
		if n >= picloud.MaxPasskeys {
			return picloud.Errorf(picloud.CodeConflict, "an account has at most %d passkeys; remove one first", picloud.MaxPasskeys)
		}
		n, err := tx.exec(`INSERT INTO passkeys (id, user_id, name, rp_id, credential_id, credential, created_at, last_used_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, 0) ON CONFLICT DO NOTHING`,
			p.ID, p.UserID, p.Name, p.RPID, p.CredentialID, p.Credential, micros(s.now()))
		if err != nil {
			return err
		}
		if n == 0 {
			return picloud.Errorf(picloud.CodeConflict, "this passkey is registered already")
		}
		return firstRecoveryCodes(tx, p.UserID, codes)
	})
}

// ListPasskeys implements [picloud.Factors].
func (s *Store) ListPasskeys(ctx context.Context, userID string) (list []picloud.Passkey, err error) {
	err = s.read(ctx, "list passkeys", func(tx *tx) (err error) {
		scan := func(row scanner) (picloud.Passkey, error) {
			var r passkeyRow
			err := row.Scan(r.dest()...)
			return r.passkey(), err
		}
		list, err = all(tx, scan, "SELECT "+passkeyColumns+" FROM passkeys p WHERE p.user_id = $1 ORDER BY p.created_at, p.id", userID)
		return err
	})
	return list, err
}

// PasskeyByCredential implements [picloud.Factors].
func (s *Store) PasskeyByCredential(ctx context.Context, credentialID []byte) (p picloud.Passkey, c picloud.Credentials, err error) {
	err = s.read(ctx, "read a passkey", func(tx *tx) error {
		var r passkeyRow
		var u userRow
		dest := append(r.dest(), u.dest()...)
		// Who signs in by passkey or provider alone may have no password.
		err := tx.row("SELECT "+passkeyColumns+", "+userColumns+`, COALESCE(c.password_hash, '')
			FROM passkeys p JOIN users u ON u.id = p.user_id LEFT JOIN credentials c ON c.user_id = u.id
			WHERE p.credential_id = $1`, credentialID).Scan(append(dest, &c.PasswordHash)...)
		if errors.Is(err, sql.ErrNoRows) {
			return picloud.Errorf(picloud.CodeNotFound, "no account has this passkey")
		}
		p, c.User = r.passkey(), u.user()
		return err
	})
	return p, c, err
}

// UsePasskey implements [picloud.Factors].
func (s *Store) UsePasskey(ctx context.Context, id string, credential []byte, at time.Time) error {
	return s.write(ctx, "note the use of a passkey", func(tx *tx) error {
		_, err := tx.exec("UPDATE passkeys SET credential = $1, last_used_at = $2 WHERE id = $3", credential, micros(at), id)
		return err
	})
}

// RenamePasskey implements [picloud.Factors].
func (s *Store) RenamePasskey(ctx context.Context, userID, id, name string) error {
	return s.write(ctx, "rename a passkey", func(tx *tx) error {
		n, err := tx.exec("UPDATE passkeys SET name = $1 WHERE id = $2 AND user_id = $3", name, id, userID)
		if err == nil && n == 0 {
			err = picloud.NotFound("passkey", id)
		}
		return err
	})
}

// DeletePasskey implements [picloud.Factors].
func (s *Store) DeletePasskey(ctx context.Context, userID, id string) error {
	return s.write(ctx, "remove a passkey", func(tx *tx) error {
		n, err := tx.exec("DELETE FROM passkeys WHERE id = $1 AND user_id = $2", id, userID)
		if err != nil {
			return err
		}
		if n == 0 {
			return picloud.NotFound("passkey", id)
		}
		return dropSpareCodes(tx, userID)
	})
}
