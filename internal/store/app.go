package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/picloud/picloud/internal/picloud"
)

func scanApp(row scanner) (a picloud.App, err error) {
	var created int64
	err = row.Scan(&a.ID, &a.Name, &created)
	a.CreatedAt = fromMicros(created)
	return a, err
}

// ensureApp makes the default app of a new database.
func (s *Store) ensureApp(ctx context.Context) error {
	var n int64
	count := func(tx *tx) error { return tx.row("SELECT count(*) FROM apps").Scan(&n) }
	if err := s.read(ctx, "look for an app", count); err != nil || n > 0 {
		return err
	}
	return s.write(ctx, "create the default app", func(tx *tx) error {
		if _, err := advance(tx, "revision", 1); err != nil { // of several nodes that start at once, one makes it
			return err
		}
		if err := count(tx); err != nil || n > 0 {
			return err
		}
		_, err := s.insertApp(tx, picloud.DefaultApp)
		return err
	})
}

// insertApp makes an app, unless the name is taken.
func (s *Store) insertApp(tx *tx, name string) (picloud.App, error) {
	a := picloud.App{ID: s.ids.New(), Name: name, CreatedAt: fromMicros(micros(s.now()))}
	n, err := tx.exec("INSERT INTO apps (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
		a.ID, a.Name, micros(a.CreatedAt))
	if err == nil && n == 0 {
		err = &picloud.Error{Code: picloud.CodeConflict, Field: "app", Message: "the app \"" + name + "\" exists already"}
	}
	return a, err
}

// ListApps implements [picloud.Apps].
func (s *Store) ListApps(ctx context.Context) (apps []picloud.App, err error) {
	err = s.read(ctx, "list apps", func(tx *tx) (err error) {
		apps, err = listApps(tx)
		return err
	})
	return apps, err
}

func listApps(tx *tx) ([]picloud.App, error) {
	return all(tx, scanApp, "SELECT id, name, created_at FROM apps ORDER BY name")
}

// AppByName implements [picloud.Apps].
func (s *Store) AppByName(ctx context.Context, name string) (a picloud.App, err error) {
	err = s.read(ctx, "read an app", func(tx *tx) (err error) {
		a, err = appByName(tx, name)
		return err
	})
	return a, err
}

func appByName(tx *tx, name string) (picloud.App, error) {
	a, err := scanApp(tx.row("SELECT id, name, created_at FROM apps WHERE name = $1", name))
	if errors.Is(err, sql.ErrNoRows) {
		return a, picloud.NotFound("app", name)
	}
	return a, err
}

// CreateApp implements [picloud.Apps].
func (s *Store) CreateApp(ctx context.Context, name string) (a picloud.App, err error) {
	err = s.change(ctx, "create an app", func(tx *tx) (err error) {
		a, err = s.insertApp(tx, name)
		return err
	})
	return a, err
}

// ListAppsOf implements [picloud.Apps].
func (s *Store) ListAppsOf(ctx context.Context, userID string) (apps []picloud.App, err error) {
	err = s.read(ctx, "list a user's apps", func(tx *tx) (err error) {
		apps, err = all(tx, scanApp, `SELECT a.id, a.name, a.created_at FROM apps a JOIN app_members m ON m.app_id = a.id
			WHERE m.user_id = $1 ORDER BY a.name`, userID)
		return err
	})
	return apps, err
}

// DeleteApp implements [picloud.Apps].
func (s *Store) DeleteApp(ctx context.Context, name string) error {
	if name == picloud.DefaultApp {
		return picloud.Errorf(picloud.CodeConflict, "the app %q stays: it answers on hosts that no app claims", name)
	}
	return s.change(ctx, "delete an app", func(tx *tx) error {
		a, err := appByName(tx, name)
		if err != nil {
			return err
		}
		_, err = tx.exec("DELETE FROM apps WHERE id = $1", a.ID) // all that it owns goes with it
		return err
	})
}
