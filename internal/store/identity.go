package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/picloud/picloud/internal/picloud"
)

// IdentityUser implements [picloud.Identities].
func (s *Store) IdentityUser(ctx context.Context, issuer, subject string) (u picloud.User, err error) {
	err = s.read(ctx, "find a linked user", func(tx *tx) (err error) {
		u, err = scanUser(tx.row("SELECT "+userColumns+` FROM identities i JOIN users u ON u.id = i.user_id
			WHERE i.issuer = $1 AND i.subject = $2`, issuer, subject))
		if errors.Is(err, sql.ErrNoRows) {
			return picloud.Errorf(picloud.CodeNotFound, "nobody is linked to this identity")
		}
		return err
	})
	return u, err
}

// LinkByEmail implements [picloud.Identities].
func (s *Store) LinkByEmail(ctx context.Context, id picloud.Identity) (u picloud.User, err error) {
	err = s.write(ctx, "link an identity by its address", func(tx *tx) error {
		if _, err := advance(tx, "accounts", 1); err != nil { // the address stays whose it is meanwhile
			return err
		}
		var chosen bool
		var r userRow
		err := tx.row("SELECT "+userColumns+`, EXISTS (SELECT 1 FROM chosen_emails e WHERE e.user_id = u.id AND e.email = u.email)
			FROM users u WHERE u.email = $1 AND u.active`, id.Email).Scan(append(r.dest(), &chosen)...)
		if errors.Is(err, sql.ErrNoRows) {
			return picloud.Errorf(picloud.CodeNotFound, "no account has this e-mail address")
		}
		if err != nil {
			return err
		}
		if chosen {
			return picloud.Errorf(picloud.CodeConflict, "the account with this e-mail address chose it itself; sign in to it and link it there")
		}
		u = r.user()
		return s.link(tx, u.ID, id)
	})
	return u, err
}

// LinkIdentity implements [picloud.Identities].
func (s *Store) LinkIdentity(ctx context.Context, userID string, id picloud.Identity) error {
	return s.write(ctx, "link an identity", func(tx *tx) error { return s.link(tx, userID, id) })
}

// link enters an identity; one that is the user's already stays as it is.
func (s *Store) link(tx *tx, userID string, id picloud.Identity) error {
	_, err := tx.exec(`INSERT INTO identities (issuer, subject, user_id, email, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (issuer, subject) DO NOTHING`, id.Issuer, id.Subject, userID, id.Email, micros(s.now()))
	if err != nil {
		return err
	}
	var owner string
	if err := tx.row("SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2", id.Issuer, id.Subject).Scan(&owner); err != nil {
		return err
	}
	if owner != userID {
		return picloud.Errorf(picloud.CodeConflict, "this identity is linked to another account")
	}
	return nil
}

// ListIdentities implements [picloud.Identities].
func (s *Store) ListIdentities(ctx context.Context, userID string) (list []picloud.Identity, err error) {
	err = s.read(ctx, "list identities", func(tx *tx) (err error) {
		scan := func(row scanner) (id picloud.Identity, err error) {
			var created int64
			err = row.Scan(&id.Issuer, &id.Subject, &id.Email, &created)
			id.CreatedAt = fromMicros(created)
			return id, err
		}
		list, err = all(tx, scan, `SELECT issuer, subject, email, created_at FROM identities
			WHERE user_id = $1 ORDER BY created_at, issuer, subject`, userID)
		return err
	})
	return list, err
}

// UnlinkIdentity implements [picloud.Identities].
func (s *Store) UnlinkIdentity(ctx context.Context, userID, issuer, subject string) error {
	return s.write(ctx, "unlink an identity", func(tx *tx) error {
		n, err := tx.exec("DELETE FROM identities WHERE user_id = $1 AND issuer = $2 AND subject = $3", userID, issuer, subject)
		if err == nil && n == 0 {
			err = picloud.NotFound("identity", subject)
		}
		return err
	})
}

// ChooseEmail implements [picloud.Identities].
func (s *Store) ChooseEmail(ctx context.Context, userID, email string) error {
	return s.write(ctx, "change an address", func(tx *tx) error {
		if _, err := advance(tx, "accounts", 1); err != nil { // of two who want one address, the second sees the first
			return err
		}
		var others int64
		if err := tx.row("SELECT count(*) FROM users WHERE email = $1 AND id <> $2", email, userID).Scan(&others); err != nil {
			return err
		}
		if others > 0 {
			return picloud.Errorf(picloud.CodeConflict, "the e-mail address is taken")
		}
		n, err := tx.exec("UPDATE users SET email = $1 WHERE id = $2", email, userID)
		if err != nil {
			return err
		}
		if n == 0 {
			return picloud.NotFound("user", userID)
		}
		_, err = tx.exec(`INSERT INTO chosen_emails (user_id, email) VALUES ($1, $2)
			ON CONFLICT (user_id) DO UPDATE SET email = excluded.email`, userID, email)
		return err
	})
}
