package store

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const userColumns = "u.id, u.username, u.email, u.role, u.active, u.created_at, u.updated_at"

// userRow is a user as their columns come.
type userRow struct {
	picloud.User
	created, updated int64
}

func (r *userRow) dest() []any {
	return []any{&r.ID, &r.Username, &r.Email, &r.Role, &r.Active, &r.created, &r.updated}
}

func (r *userRow) user() picloud.User {
	r.CreatedAt, r.UpdatedAt = fromMicros(r.created), fromMicros(r.updated)
	return r.User
}

func scanUser(row scanner) (picloud.User, error) {
	var r userRow
	if err := row.Scan(r.dest()...); err != nil {
		return picloud.User{}, err
	}
	return r.user(), nil
}

// OwnerExists implements [picloud.Accounts].
func (s *Store) OwnerExists(ctx context.Context) (exists bool, err error) {
	err = s.read(ctx, "look for an owner", func(tx *tx) (err error) {
		exists, err = ownerExists(tx)
		return err
	})
	return exists, err
}

func ownerExists(tx *tx) (bool, error) {
	var n int64
	err := tx.row("SELECT count(*) FROM users WHERE role = $1", string(picloud.RoleOwner)).Scan(&n)
	return n > 0, err
}

// PutSetupToken implements [picloud.Accounts].
func (s *Store) PutSetupToken(ctx context.Context, hash picloud.TokenHash, expires time.Time) error {
	return s.write(ctx, "store the setup token", func(tx *tx) error {
		_, err := tx.exec(`INSERT INTO setup_token (id, token_hash, expires_at) VALUES (1, $1, $2)
			ON CONFLICT (id) DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at`,
			hash[:], micros(expires))
		return err
	})
}

// CreateOwner implements [picloud.Accounts].
func (s *Store) CreateOwner(ctx context.Context, owner picloud.NewOwner) (picloud.User, error) {
	now := fromMicros(micros(s.now()))
	u := picloud.User{
		ID: s.ids.New(), Username: owner.Username, Email: owner.Email,
		Role: picloud.RoleOwner, Active: true, CreatedAt: now, UpdatedAt: now,
	}
	err := s.write(ctx, "create the owner", func(tx *tx) error {
		if _, err := advance(tx, "accounts", 1); err != nil { // of two at once, the second sees the first
			return err
		}
		exists, err := ownerExists(tx)
		if err != nil {
			return err
		}
		if exists {
			return picloud.Errorf(picloud.CodeSetupDone, "this instance has an owner already")
		}
		if owner.SetupToken != nil {
			if err := s.checkSetupToken(tx, *owner.SetupToken); err != nil {
				return err
			}
		}
		if _, err := tx.exec("DELETE FROM setup_token"); err != nil {
			return err
		}
		return insertUser(tx, u, owner.PasswordHash)
	})
	if err != nil {
		return picloud.User{}, err
	}
	return u, nil
}

func (s *Store) checkSetupToken(tx *tx, token picloud.TokenHash) error {
	var want []byte
	var expires int64
	err := tx.row("SELECT token_hash, expires_at FROM setup_token").Scan(&want, &expires)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err != nil || subtle.ConstantTimeCompare(want, token[:]) == 0 || micros(s.now()) >= expires {
		return picloud.Errorf(picloud.CodeInvalidCredentials, "the setup link is not valid any more; restart the server for a new one")
	}
	return nil
}

func insertUser(tx *tx, u picloud.User, hash string) error {
	n, err := tx.exec(`INSERT INTO users (id, username, email, role, active, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING`,
		u.ID, u.Username, u.Email, string(u.Role), u.Active, micros(u.CreatedAt))
	if err != nil {
		return err
	}
	if n == 0 {
		return nameTaken(tx, u)
	}
	if hash == "" {
		return nil
	}
	_, err = tx.exec("INSERT INTO credentials (user_id, password_hash, changed_at) VALUES ($1, $2, $3)",
		u.ID, hash, micros(u.CreatedAt))
	return err
}

// nameTaken says what a user who could not be entered shares with another.
func nameTaken(tx *tx, u picloud.User) error {
	var n int64
	if err := tx.row("SELECT count(*) FROM users WHERE username = $1 AND id <> $2", u.Username, u.ID).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return &picloud.Error{Code: picloud.CodeConflict, Field: "username", Message: "the user name is taken"}
	}
	return errEmailTaken()
}

func errEmailTaken() error {
	return &picloud.Error{Code: picloud.CodeConflict, Field: "email", Message: "another user has this e-mail address"}
}

// CredentialsOf implements [picloud.Accounts]. It runs the same statements
// whether there is such a user or not.
func (s *Store) CredentialsOf(ctx context.Context, login string) (c picloud.Credentials, err error) {
	found := true
	err = s.read(ctx, "read credentials", func(tx *tx) error {
		var r userRow
		// A user name holds no @ and an address does, so one row at most matches.
		err := tx.row("SELECT "+userColumns+`, c.password_hash FROM users u JOIN credentials c ON c.user_id = u.id
			WHERE u.username = $1 OR u.email = $1`, login).Scan(append(r.dest(), &c.PasswordHash)...)
		if errors.Is(err, sql.ErrNoRows) {
			found = false
			return nil
		}
		c.User = r.user()
		return err
	})
	if err == nil && !found {
		err = picloud.NotFound("user", login)
	}
	return c, err
}

// PutPassword implements [picloud.Accounts].
func (s *Store) PutPassword(ctx context.Context, userID, hash, keep string) error {
	return s.change(ctx, "change the password", func(tx *tx) error {
		n, err := tx.exec("UPDATE credentials SET password_hash = $1, changed_at = $2 WHERE user_id = $3",
			hash, micros(s.now()), userID)
		if err != nil {
			return err
		}
		if n == 0 {
			return picloud.NotFound("user", userID)
		}
		_, err = tx.exec("DELETE FROM sessions WHERE user_id = $1 AND id <> $2", userID, keep)
		return err
	})
}
