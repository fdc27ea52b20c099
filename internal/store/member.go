package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/picloud/picloud/internal/picloud"
)

// AppAccess implements [picloud.Members].
func (s *Store) AppAccess(ctx context.Context, app, userID string) (access picloud.AppAccess, err error) {
	err = s.read(ctx, "look up a member", func(tx *tx) error {
		var created int64
		a := &access.App
		err := tx.row(`SELECT a.id, a.name, a.created_at, COALESCE(m.role, '') FROM apps a
			LEFT JOIN app_members m ON m.app_id = a.id AND m.user_id = $1 WHERE a.name = $2`, userID, app).
			Scan(&a.ID, &a.Name, &created, &access.Role)
		a.CreatedAt = fromMicros(created)
		if errors.Is(err, sql.ErrNoRows) {
			return picloud.NotFound("app", app)
		}
		return err
	})
	return access, err
}

const memberQuery = `SELECT a.name, u.id, u.username, m.role, u.active, m.created_at, m.updated_at
	FROM app_members m JOIN apps a ON a.id = m.app_id JOIN users u ON u.id = m.user_id`

func scanMember(row scanner) (m picloud.Member, err error) {
	var created, updated int64
	err = row.Scan(&m.App, &m.UserID, &m.Username, &m.Role, &m.Active, &created, &updated)
	m.CreatedAt, m.UpdatedAt = fromMicros(created), fromMicros(updated)
	return m, err
}

// memberOf is a user's membership in an app; ok is false when there is none.
func memberOf(tx *tx, appID, userID string) (m picloud.Member, ok bool, err error) {
	m, err = scanMember(tx.row(memberQuery+" WHERE m.app_id = $1 AND m.user_id = $2", appID, userID))
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	}
	return m, err == nil, err
}

// PutMember implements [picloud.Members].
func (s *Store) PutMember(ctx context.Context, app, userID string, role picloud.AppRole) (now picloud.Member, before picloud.AppRole, err error) {
	err = s.change(ctx, "change a member", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		if _, err := userByID(tx, userID); err != nil {
			return err
		}
		was, _, err := memberOf(tx, a.ID, userID)
		if err != nil {
			return err
		}
		before = was.Role
		if _, err := tx.exec(`INSERT INTO app_members (app_id, user_id, role, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)
			ON CONFLICT (app_id, user_id) DO UPDATE SET role = excluded.role, updated_at = excluded.updated_at`,
			a.ID, userID, string(role), micros(s.now())); err != nil {
			return err
		}
		now, _, err = memberOf(tx, a.ID, userID)
		return err
	})
	return now, before, err
}

// RemoveMember implements [picloud.Members].
func (s *Store) RemoveMember(ctx context.Context, app, userID string) (before picloud.AppRole, err error) {
	err = s.change(ctx, "remove a member", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		m, ok, err := memberOf(tx, a.ID, userID)
		if err != nil {
			return err
		}
		if !ok {
			return picloud.NotFound("member", userID)
		}
		before = m.Role
		_, err = tx.exec("DELETE FROM app_members WHERE app_id = $1 AND user_id = $2", a.ID, userID)
		return err
	})
	return before, err
}

// ListMembers implements [picloud.Members].
func (s *Store) ListMembers(ctx context.Context, app string) (list []picloud.Member, err error) {
	err = s.read(ctx, "list members", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		list, err = all(tx, scanMember, memberQuery+" WHERE m.app_id = $1 ORDER BY u.username", a.ID)
		return err
	})
	return list, err
}

// ListMemberships implements [picloud.Members].
func (s *Store) ListMemberships(ctx context.Context, userID string) (list []picloud.Member, err error) {
	err = s.read(ctx, "list memberships", func(tx *tx) (err error) {
		list, err = all(tx, scanMember, memberQuery+" WHERE m.user_id = $1 ORDER BY a.name", userID)
		return err
	})
	return list, err
}
