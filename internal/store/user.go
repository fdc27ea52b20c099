package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/picloud/picloud/internal/picloud"
)

// ListUsers implements [picloud.Users].
func (s *Store) ListUsers(ctx context.Context) (list []picloud.User, err error) {
	err = s.read(ctx, "list users", func(tx *tx) (err error) {
		list, err = all(tx, scanUser, "SELECT "+userColumns+" FROM users u ORDER BY u.username")
		return err
	})
	return list, err
}

// UserByName implements [picloud.Users].
func (s *Store) UserByName(ctx context.Context, name string) (u picloud.User, err error) {
	err = s.read(ctx, "read a user", func(tx *tx) (err error) {
		// An id goes before a name that looks like one.
		u, err = scanUser(tx.row("SELECT "+userColumns+" FROM users u WHERE u.id = $1 OR u.username = $1 ORDER BY u.id = $1 DESC LIMIT 1", name))
		return noUser(err, name)
	})
	return u, err
}

func userByID(tx *tx, id string) (picloud.User, error) {
	u, err := scanUser(tx.row("SELECT "+userColumns+" FROM users u WHERE u.id = $1", id))
	return u, noUser(err, id)
}

// noUser makes of the error for no row the one for no user.
func noUser(err error, name string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return picloud.NotFound("user", name)
	}
	return err
}

// CreateUser implements [picloud.Users].
func (s *Store) CreateUser(ctx context.Context, actor string, in picloud.NewUser) (u picloud.User, err error) {
	now := fromMicros(micros(s.now()))
	u = picloud.User{
		ID: s.ids.New(), Username: in.Username, Email: in.Email, Role: in.Role, Active: true, CreatedAt: now, UpdatedAt: now,
	}
	err = s.changeAccounts(ctx, "create a user", func(tx *tx) error {
		if err := mayManage(tx, actor, u.Role); err != nil {
			return err
		}
		return insertUser(tx, u, in.PasswordHash)
	})
	if err != nil {
		return picloud.User{}, err
	}
	return u, nil
}

// changeAccounts is change for what must not meet another change of users: who
// is in charge, and whose an address is, stays as f finds it.
func (s *Store) changeAccounts(ctx context.Context, what string, f func(*tx) error) error {
	return s.change(ctx, what, func(tx *tx) error {
		if _, err := advance(tx, "accounts", 1); err != nil {
			return err
		}
		return f(tx)
	})
}

// mayManage refuses an actor who is not in charge of users with these roles,
// as things are now.
func mayManage(tx *tx, actorID string, roles ...picloud.Role) error {
	if actorID == "" {
		return nil
	}
	actor, err := userByID(tx, actorID)
	if err != nil && !picloud.IsCode(err, picloud.CodeNotFound) {
		return err
	}
	if err != nil || !actor.Active || !actor.Role.Above(picloud.RoleMember) {
		return picloud.Errorf(picloud.CodeForbidden, "you are not in charge of users any more")
	}
	for _, role := range roles {
		if role == picloud.RoleOwner && actor.Role != picloud.RoleOwner {
			return picloud.Errorf(picloud.CodeForbidden, "only an owner makes, changes or unmakes an owner")
		}
	}
	return nil
}

// ChangeUser implements [picloud.Users].
func (s *Store) ChangeUser(ctx context.Context, actor, id string, change picloud.UserChange) (before, after picloud.User, err error) {
	err = s.changeAccounts(ctx, "change a user", func(tx *tx) (err error) {
		if before, err = userByID(tx, id); err != nil {
			return err
		}
		after = applied(before, change)
		after.UpdatedAt = fromMicros(micros(s.now()))
		if err := mayManage(tx, actor, before.Role, after.Role); err != nil {
			return err
		}
		if actor == id && after.Role.Above(before.Role) {
			return picloud.Errorf(picloud.CodeForbidden, "nobody raises their own role")
		}
		if err := updateUser(tx, after); err != nil {
			return err
		}
		if err := somebodyInCharge(tx, before); err != nil {
			return err
		}
		return s.endAccess(tx, after, change)
	})
	return before, after, err
}

// applied is a user after a change.
func applied(u picloud.User, c picloud.UserChange) picloud.User {
	if c.Email != nil {
		u.Email = *c.Email
	}
	if c.Role != nil {
		u.Role = *c.Role
	}
	if c.Active != nil {
		u.Active = *c.Active
	}
	return u
}

func updateUser(tx *tx, u picloud.User) error {
	// Asked first: on PostgreSQL a statement that fails ends the transaction.
	// Changes of users take turns, so that the answer stays true.
	var n int64
	if err := tx.row("SELECT count(*) FROM users WHERE email = $1 AND id <> $2", u.Email, u.ID).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return errEmailTaken()
	}
	_, err := tx.exec("UPDATE users SET email = $1, role = $2, active = $3, updated_at = $4 WHERE id = $5",
		u.Email, string(u.Role), u.Active, micros(u.UpdatedAt), u.ID)
	return err
}

// somebodyInCharge refuses a change of a user, already made, that leaves
// nobody in charge; was is the user before it. What was not so before is not
// the fault of the change.
func somebodyInCharge(tx *tx, was picloud.User) error {
	if !was.Active || !was.Role.Above(picloud.RoleMember) {
		return nil
	}
	var owners, admins int64
	err := tx.row(`SELECT CAST(COALESCE(sum(CASE WHEN role = $1 THEN 1 ELSE 0 END), 0) AS bigint), count(*)
		FROM users WHERE active AND role IN ($1, $2)`, string(picloud.RoleOwner), string(picloud.RoleAdmin)).Scan(&owners, &admins)
	switch {
	case err != nil:
		return err
	case was.Role == picloud.RoleOwner && owners == 0:
		return picloud.Errorf(picloud.CodeLastOwner, "%s is the last active owner; make another one first", was.Username)
	case admins == 0:
		return picloud.Errorf(picloud.CodeLastAdmin, "%s is the last active owner or admin; make another one first", was.Username)
	}
	return nil
}

// endAccess replaces the password, and ends the sessions and keys that go with
// the change.
func (s *Store) endAccess(tx *tx, u picloud.User, c picloud.UserChange) error {
	now := micros(s.now())
	if c.PasswordHash != nil {
		// Who signs in by passkey or provider alone has had none.
		if _, err := tx.exec(`INSERT INTO credentials (user_id, password_hash, changed_at) VALUES ($1, $2, $3)
			ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, changed_at = excluded.changed_at`,
			u.ID, *c.PasswordHash, now); err != nil {
			return err
		}
	}
	if c.PasswordHash != nil || c.EndSessions || !u.Active {
		if _, err := tx.exec("DELETE FROM sessions WHERE user_id = $1", u.ID); err != nil {
			return err
		}
	}
	if !c.ExpireKeys {
		return nil
	}
	_, err := expireKeys(tx, u.ID, now)
	return err
}

// DeleteUser implements [picloud.Users].
func (s *Store) DeleteUser(ctx context.Context, actor, id string) (u picloud.User, err error) {
	err = s.changeAccounts(ctx, "delete a user", func(tx *tx) (err error) {
		if u, err = userByID(tx, id); err != nil {
			return err
		}
		if err := mayManage(tx, actor, u.Role); err != nil {
			return err
		}
		// Sessions, keys and memberships go with it.
		if _, err := tx.exec("DELETE FROM users WHERE id = $1", id); err != nil {
			return err
		}
		return somebodyInCharge(tx, u)
	})
	return u, err
}
